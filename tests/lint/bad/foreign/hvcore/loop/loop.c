/* At home. */
#include <uv.h>
