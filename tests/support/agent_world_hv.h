/*
 * agent_world_hv - what the parts of the model hypervisor share; see agent_world.h.
 */
#ifndef TESTS_SUPPORT_AGENT_WORLD_HV_H
#define TESTS_SUPPORT_AGENT_WORLD_HV_H

#include "tests/support/agent_world.h"

/* Fills the error with that and gives the code. */
enum hv_code world_hv_fail(Tarn__Error *error, char text[64], enum hv_code code,
			   const char *why);
enum hv_code world_hv_resize(struct agent_world *world,
			     const Tarn__HvPartitionResize *want, Tarn__Error *error,
			     char text[64]);
enum hv_code world_hv_share(struct agent_world *world, const Tarn__HvPartitionShare *want,
			    Tarn__Error *error, char text[64]);
/* Its devices are those. */
void world_hv_take_device(struct world_partition *partition,
			  const Tarn__HvDevice *device);
enum hv_code world_hv_change(struct agent_world *world,
			     const Tarn__HvPartitionDevice *want, Tarn__Error *error,
			     char text[64]);
enum hv_code world_hv_primary(struct agent_world *world,
			      const Tarn__HvPartitionPrimary *want, Tarn__Error *error,
			      char text[64]);
uint64_t world_hv_entitled(uint64_t asked); /* 0: the minimum */

#endif
