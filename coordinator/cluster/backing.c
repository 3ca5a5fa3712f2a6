/* backing - see backing.h. */
#include "coordinator/cluster/backing.h"

#include "coordinator/cluster/limits.h"

#include <string.h>

/* What an offer is good for: one bit. */
#define REDUNDANT HV_BIT(0) /* both VIOS reach it */
#define LAME HV_BIT(1)      /* both are to, and do not now */
#define FIRST HV_BIT(2)
#define SECOND HV_BIT(3)

static unsigned kind_of(const struct backing_offer *offer)
{
	if (offer->is_taken || offer->bytes == 0)
		return 0;
	if (offer->reach == BACKING_SHARED)
		return offer->is_served ? REDUNDANT : LAME;
	if (!offer->is_served)
		return 0;
	return offer->reach == BACKING_FIRST ? FIRST : SECOND;
}

/* Of equals one that is not redundant is left by those who need more. */
static bool is_better(const struct backing_offer *offer, const struct backing_offer *than)
{
	if (offer->bytes != than->bytes)
		return offer->bytes < than->bytes;
	return kind_of(than) == REDUNDANT && kind_of(offer) != REDUNDANT;
}

static size_t best_of(const struct backing_offer *offers, size_t count, uint64_t bytes,
		      unsigned kinds, bool is_alone)
{
	size_t best = BACKING_NONE;

	for (size_t i = 0; i < count; i++) {
		if ((kind_of(&offers[i]) & kinds) == 0 || offers[i].bytes < bytes ||
		    (is_alone && offers[i].is_remote))
			continue;
		if (best == BACKING_NONE || is_better(&offers[i], &offers[best]))
			best = i;
	}
	return best;
}

static bool take_one(const struct backing_offer *offers, size_t count, uint64_t bytes,
		     unsigned kinds, struct backing *ret_backing)
{
	size_t best = best_of(offers, count, bytes, kinds, true);

	*ret_backing = (struct backing){ best, BACKING_NONE };
	return best != BACKING_NONE;
}

static bool take_pair(const struct backing_offer *offers, size_t count, uint64_t bytes,
		      struct backing *ret_backing)
{
	*ret_backing = (struct backing){ best_of(offers, count, bytes, FIRST, false),
					 best_of(offers, count, bytes, SECOND, false) };
	return ret_backing->first != BACKING_NONE && ret_backing->second != BACKING_NONE;
}

static unsigned alone_of(const struct backing_need *need)
{
	if (need->alone == BACKING_SHARED)
		return FIRST | SECOND;
	return need->alone == BACKING_FIRST ? FIRST : SECOND;
}

bool backing_choose(const struct backing_offer *offers, size_t count,
		    const struct backing_need *need, struct backing *ret_backing)
{
	uint64_t bytes = need->bytes;
	unsigned alone = alone_of(need);

	if (need->redundancy == TARN__REDUNDANCY__REDUNDANCY_MIRRORED)
		return take_pair(offers, count, bytes, ret_backing);
	if (need->redundancy == TARN__REDUNDANCY__REDUNDANCY_NONE)
		return take_one(offers, count, bytes, alone, ret_backing) ||
		       take_one(offers, count, bytes, REDUNDANT | LAME, ret_backing);
	if (take_one(offers, count, bytes, REDUNDANT, ret_backing) ||
	    take_pair(offers, count, bytes, ret_backing))
		return true;
	if (need->redundancy != TARN__REDUNDANCY__REDUNDANCY_IF_POSSIBLE)
		return false;
	return take_one(offers, count, bytes, LAME, ret_backing) ||
	       take_one(offers, count, bytes, alone, ret_backing);
}

static uint64_t largest(const struct backing_offer *offers, size_t count, unsigned kinds,
			bool is_alone)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		if ((kind_of(&offers[i]) & kinds) != 0 && offers[i].bytes > bytes &&
		    !(is_alone && offers[i].is_remote))
			bytes = offers[i].bytes;
	return bytes;
}

struct backing_room backing_room(const struct backing_offer *offers, size_t count)
{
	struct backing_room room = {
		.one = largest(offers, count, REDUNDANT | LAME | FIRST | SECOND, true),
		.redundant = largest(offers, count, REDUNDANT, true),
		.first = largest(offers, count, FIRST, false),
		.second = largest(offers, count, SECOND, false),
	};

	room.mirrored = room.first < room.second ? room.first : room.second;
	if (room.mirrored > room.redundant)
		room.redundant = room.mirrored;
	return room;
}

struct backing_offer backing_offer(const struct cluster *cluster,
				   const Tarn__HostRecord *host,
				   const Tarn__DeviceRecord *device)
{
	const char *vios = device->device->vios;
	struct backing_offer offer = {
		.bytes = limits_device_bytes(device),
		.is_taken = !limits_device_is_free(cluster, device),
	};

	if (vios == NULL) {
		offer.is_served = limits_device_is_redundant(cluster, device);
		return offer;
	}
	offer.is_remote = device->remote_host != NULL;
	/* behind one that does not page for the pool nobody reaches it */
	offer.is_taken |= limits_vios(host, vios) == NULL;
	offer.reach = limits_vios_place(host, vios) == 0 ? BACKING_FIRST : BACKING_SECOND;
	offer.is_served = limits_vios_serves(cluster, host, limits_vios(host, vios));
	return offer;
}

bool backing_find(const struct cluster *cluster, const Tarn__HostRecord *host,
		  const struct backing_need *need, struct backing_found *ret_found,
		  struct backing_room *ret_room)
{
	const Tarn__DeviceRecord *devices[HV_DEVICES_PER_HOST_MAX];
	struct backing_offer offers[HV_DEVICES_PER_HOST_MAX];
	struct backing backing;
	size_t count = 0;

	for (size_t i = 0; i < cluster_count(cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(cluster, i);

		if (strcmp(device->host, host->name) != 0 ||
		    count == HV_DEVICES_PER_HOST_MAX) /* plans refuse more */
			continue;
		offers[count] = backing_offer(cluster, host, device);
		devices[count++] = device;
	}
	if (!backing_choose(offers, count, need, &backing)) {
		*ret_room = backing_room(offers, count);
		return false;
	}
	*ret_found = (struct backing_found){ .device = devices[backing.first] };
	if (backing.second != BACKING_NONE)
		ret_found->mirror = devices[backing.second];
	return true;
}
