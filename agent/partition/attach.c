/* attach - see attach.h. */
#include "agent/partition/attach.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/partition/handover.h"

static struct partition_peer peer_of(const struct partition_attach_config *config)
{
	return (struct partition_peer){ config->socket, config->timeout_ms };
}

static enum hv_code map_file(int file, const struct hv_attach_welcome *welcome,
			     uint8_t **ret_base, struct hv_err *err)
{
	enum hv_code code = partition_handover_check_file(file, welcome, err);
	void *base;

	if (code != HV_OK)
		return code;
	base = mmap(NULL, welcome->bytes, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE, file, (off_t)welcome->offset);
	if (base == MAP_FAILED)
		return hv_fail_os(err, HV_E_NOMEM, errno, "map %llu bytes",
				  (unsigned long long)welcome->bytes);
	code = partition_handover_protect(base, welcome->bytes, err);
	if (code != HV_OK) {
		(void)munmap(base, welcome->bytes);
		return code;
	}
	*ret_base = base;
	return HV_OK;
}

/* Maps and registers what WELCOME offers; all of it or nothing. */
static enum hv_code take_memory(const struct partition_attach_config *config,
				const struct hv_attach_welcome *welcome, int file,
				struct partition_attachment *attachment,
				struct hv_err *err)
{
	uint8_t *base = NULL;
	int userfaultfd = -1;
	enum hv_code code = map_file(file, welcome, &base, err);

	if (code != HV_OK)
		return code;
	if (welcome->mode == HV_MODE_SHARED) {
		code = partition_handover_register(config->uffd_device, base,
						   welcome->bytes, &userfaultfd, err);
		if (code != HV_OK) {
			(void)munmap(base, welcome->bytes);
			return code;
		}
	}
	*attachment = (struct partition_attachment){
		.socket = config->socket,
		.userfaultfd = userfaultfd,
		.base = base,
		.bytes = welcome->bytes,
		.usable_bytes = welcome->usable_bytes,
		.mode = (enum hv_attach_mode)welcome->mode,
		.home_cpu = welcome->home_cpu,
	};
	return HV_OK;
}

static enum hv_code ask_for_calls(const struct partition_attach_config *config,
				  struct partition_attachment *attachment,
				  struct hv_err *err)
{
	struct hv_attach_calls ask = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_CALLS, sizeof ask, 0),
	};
	const struct partition_peer peer = peer_of(config);
	struct hv_attach_calls_open answer;
	struct hv_local_packet packet;
	enum hv_code code;

	if (!config->wants_calls)
		return HV_OK;
	code = hv_local_send(config->socket, &ask, sizeof ask, NULL, 0, err);
	if (code == HV_OK)
		code = partition_handover_receive(&peer, HV_ATTACH_CALLS_OPEN, 2, &packet,
						  err);
	if (code != HV_OK)
		return code;
	memcpy(&answer, packet.bytes, sizeof answer);
	return partition_calls_open(packet.fds[0], packet.fds[1], answer.hpt_bytes,
				    &attachment->calls, err);
}

static void release_memory(struct partition_attachment *attachment)
{
	if (attachment->base != NULL)
		(void)munmap(attachment->base, attachment->bytes);
	if (attachment->userfaultfd >= 0)
		(void)close(attachment->userfaultfd);
	partition_calls_close(attachment->calls);
	attachment->calls = NULL;
	attachment->base = NULL;
	attachment->userfaultfd = -1;
}

static enum hv_code converse(const struct partition_attach_config *config,
			     struct partition_attachment *attachment, struct hv_err *err)
{
	const struct partition_peer peer = peer_of(config);
	struct hv_attach_welcome welcome;
	enum hv_code code;
	int file = -1;

	code = partition_handover_hello(&peer, config->name, config->run_id,
					config->token, &welcome, &file, err);
	if (code != HV_OK)
		return code;
	code = take_memory(config, &welcome, file, attachment, err);
	(void)close(file); /* the mapping is the only way in that stays */
	if (code != HV_OK)
		return code;
	code = ask_for_calls(config, attachment, err);
	if (code == HV_OK)
		code = partition_handover_region(&peer, attachment->base,
						 attachment->bytes, welcome.offset,
						 attachment->userfaultfd, err);
	if (code != HV_OK)
		release_memory(attachment); /* untouched: nothing can be stolen yet */
	return code;
}

enum hv_code partition_attach_open(const struct partition_attach_config *config,
				   struct partition_attachment *ret_attachment,
				   struct hv_err *err)
{
	struct partition_attachment attachment;
	enum hv_code code = converse(config, &attachment, err);

	if (code != HV_OK) {
		(void)close(config->socket);
		return code;
	}
	*ret_attachment = attachment;
	return HV_OK;
}

void partition_attach_close(struct partition_attachment *attachment)
{
	release_memory(attachment);
	(void)close(attachment->socket);
	attachment->socket = -1;
}
