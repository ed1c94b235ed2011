// zlib, and as functions what it has as macros, which Swift does not import.
#ifndef APUS_CZLIB_H
#define APUS_CZLIB_H
#include <zlib.h>
#endif
