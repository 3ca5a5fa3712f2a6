/* content_key - see content.h. Apart: a guest kit has no xxhash, and keys of its own. */
#include "agent/partition/content.h"

#include <string.h>
#include <xxhash.h>

#define KEY_OF_ZERO 0x9e3779b97f4a7c15u /* zero means a page never written */

uint64_t partition_content_key(const char *name, uint64_t run_id)
{
	uint64_t key = XXH3_64bits_withSeed(name, strlen(name), run_id);

	return key != 0 ? key : KEY_OF_ZERO;
}
