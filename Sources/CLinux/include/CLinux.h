#ifndef APUS_CLINUX_H
#define APUS_CLINUX_H
// The parts of Linux that Swift's Glibc module does not show. One header per subject.
#include "CLinuxSockets.h"
#include "CLinuxThreads.h"
#endif
