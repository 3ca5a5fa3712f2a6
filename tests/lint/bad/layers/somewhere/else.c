/* A directory that nobody has thought of. */
#include <stddef.h>
