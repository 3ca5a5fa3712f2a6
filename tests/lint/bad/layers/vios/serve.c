/* One program that looks into another; its own and the allowed pass. */
#include "agent/core/core.h"
#include "hvcore/base/err.h"
#include "vios/serve.h"
