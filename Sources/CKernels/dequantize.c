#include "dequantize.h"
