/* A lower layer that knows a higher one. */
#include "hvcore/pager/pager.h"
