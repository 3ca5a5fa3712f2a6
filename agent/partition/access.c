/* access - see access.h. */
#include "agent/partition/access.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"

enum hv_code partition_access_open(struct partition_access_box *box, struct hv_err *err)
{
	box->notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (box->notice < 0)
		return hv_fail_os(err, HV_E_OS, errno, "make an eventfd");
	return HV_OK;
}

void partition_access_close(struct partition_access_box *box)
{
	(void)close(box->notice);
}

enum hv_code partition_access_ask(struct partition_access_box *box,
				  const struct partition_access *access,
				  struct hv_err *err)
{
	HV_INVARIANT(access->is_store || access->bytes <= PARTITION_ACCESS_BYTES);
	if (atomic_load(&box->at) != ACCESS_NONE)
		return hv_fail(err, HV_E_STATE,
			       "the access before still waits for its page");
	box->access = *access;
	atomic_store(&box->at, ACCESS_WANTED);
	return HV_OK;
}

int partition_access_notice(const struct partition_access_box *box)
{
	return box->notice;
}

bool partition_access_take(struct partition_access_box *box,
			   struct partition_access *ret_access)
{
	uint64_t notices;

	(void)!read(box->notice, &notices, sizeof(notices)); /* EAGAIN: there is none */
	if (atomic_load(&box->at) != ACCESS_DONE)
		return false;
	*ret_access = box->access;
	atomic_store(&box->at, ACCESS_NONE);
	return true;
}

bool partition_access_is_wanted(const struct partition_access_box *box)
{
	return atomic_load(&box->at) == ACCESS_WANTED;
}

/* ---- the worker ---- */

/* A call to translate is no stall. */
static void begin(struct partition_guest *guest, struct partition_stall *stall,
		  uint64_t address, bool is_store)
{
	if (partition_guest_reach(guest, address / HV_PAGE_BYTES, is_store))
		partition_stall_rest(stall);
	(void)partition_stall_begin(stall);
}

static bool load(struct partition_access *access, struct partition_guest *guest,
		 struct partition_stall *stall)
{
	unsigned done = 0;

	while (done < access->bytes) {
		uint64_t at = access->address + done;
		unsigned room = (unsigned)(HV_PAGE_BYTES - at % HV_PAGE_BYTES);
		unsigned left = access->bytes - done;
		unsigned bytes = left < room ? left : room;
		bool is_read;

		begin(guest, stall, at, false);
		is_read = partition_guest_load(guest, at, access->data + done, bytes);
		(void)partition_stall_end(stall);
		if (!is_read)
			return false;
		done += bytes;
	}
	return true;
}

static bool store(const struct partition_access *access, struct partition_guest *guest,
		  struct partition_stall *stall)
{
	bool is_stored;

	begin(guest, stall, access->address, true);
	is_stored = partition_guest_store(guest, access->address, access->value);
	(void)partition_stall_end(stall);
	return is_stored;
}

static enum partition_access_result carry_out(struct partition_access *access,
					      struct partition_guest *guest,
					      struct partition_stall *stall)
{
	uint64_t end = partition_guest_pages(guest) * HV_PAGE_BYTES;
	uint64_t bytes = access->is_store ? sizeof(access->value) : access->bytes;
	bool is_done;

	if (access->address >= end || bytes > end - access->address)
		return PARTITION_ACCESS_OUTSIDE;
	if (access->is_store &&
	    access->address / HV_PAGE_BYTES >= partition_guest_reserved(guest))
		return PARTITION_ACCESS_PROTECTED;
	is_done = access->is_store ? store(access, guest, stall)
				   : load(access, guest, stall);
	return is_done ? PARTITION_ACCESS_DONE : PARTITION_ACCESS_FAILED;
}

void partition_access_serve(struct partition_access_box *box,
			    struct partition_guest *guest, struct partition_stall *stall)
{
	const uint64_t one = 1;

	HV_INVARIANT(partition_access_is_wanted(box));
	box->access.result = carry_out(&box->access, guest, stall);
	atomic_store(&box->at, ACCESS_DONE);
	(void)!write(box->notice, &one, sizeof(one));
}
