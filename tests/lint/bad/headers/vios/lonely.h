/* Leaves to others what it needs. */
#ifndef VIOS_LONELY_H
#define VIOS_LONELY_H

uint64_t lonely(void);

#endif
