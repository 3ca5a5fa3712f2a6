/*
 * oneshot - format, wipe and inspect as commands: progress and errors on stderr.
 *
 * Contract
 *   Threads  one; takes SIGINT and SIGTERM: a format that is told to stop removes
 *            what it made.
 */
#ifndef VIOS_ONESHOT_H
#define VIOS_ONESHOT_H

#include "vios/config.h"

/* Exit code: 0 done, 1 failed, with a sentence on stderr. */
int vios_oneshot_run(const struct vios_config *config);

#endif
