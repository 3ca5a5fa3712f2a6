/* host_device - see host.h: paging devices, made and given to partitions. */
#include "tests/support/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

struct test_device test_host_device(struct test_host *host, unsigned mib)
{
	static struct test_process format; /* big, and of no interest afterwards */
	struct test_device device = { .id = { (uint8_t)++host->devices } };
	char name[32], bytes[32], hex[33];
	int code;

	for (unsigned i = 0; i < 16; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", device.id[i]);
	(void)snprintf(name, sizeof(name), "device-%u", host->devices);
	(void)test_tmpdir_file(&host->dir, name, device.path, sizeof(device.path));
	(void)snprintf(bytes, sizeof(bytes), "%uM", mib);
	test_process_start(&format, "tarn-vios",
			   (const char *[]){ "--format", device.path, "--bytes", bytes,
					     "--id", hex, "--host-id", TEST_HOST_ID,
					     "--host-name", "test", "--owner-epoch", "1",
					     "--create", NULL });
	/* It writes the whole device. */
	code = test_process_wait(&format, TEST_HOST_WAIT_MS);
	(void)test_process_end(&format, 0);
	if (code != 0)
		fail_msg("format: %s", format.err);
	return device;
}

void test_host_make_devices(struct test_host *host, const struct test_partition *spec)
{
	unsigned max = spec->max_mib != 0 ? spec->max_mib : spec->mem_mib;
	unsigned mib = spec->device_mib != 0 ? spec->device_mib : max + 4;

	host->reach = (struct test_reach){ .vios = spec->vios };
	if (spec->is_mirrored && spec->vios == NULL)
		host->reach.vios = "vios1";
	host->reach.device = spec->device != NULL ? *spec->device
						  : test_host_device(host, mib);
	if (!spec->is_mirrored)
		return;
	host->reach.mirror = test_host_device(host, mib);
	host->reach.mirror.is_remote = host->config.remote_url != NULL; /* vios2 */
}

static char *name_of(char *path)
{
	return strrchr(path, '/') + 1;
}

void test_hv_device(struct test_reach *reach, struct test_hv_device *ret_device)
{
	Tarn__HvDevice *device = &ret_device->device;
	Tarn__HvMirror *mirror = &ret_device->mirror;

	tarn__hv_device__init(device);
	device->path = reach->device.path;
	device->name = name_of(reach->device.path);
	device->id = (ProtobufCBinaryData){ sizeof(reach->device.id), reach->device.id };
	device->owner_epoch = 1;
	device->vios = (char *)(uintptr_t)reach->vios;
	if (reach->mirror.path[0] == '\0')
		return;
	tarn__hv_mirror__init(mirror);
	mirror->path = reach->mirror.path;
	mirror->name = name_of(reach->mirror.path);
	mirror->id = (ProtobufCBinaryData){ sizeof(reach->mirror.id), reach->mirror.id };
	mirror->owner_epoch = 1;
	mirror->has_remote = true;
	mirror->remote = reach->mirror.is_remote;
	device->mirror = mirror;
}

enum hv_code test_host_change(struct test_host *host, struct test_guest *guest,
			      const struct test_reach *reach, struct hv_err *err)
{
	Tarn__HvPartitionDevice change = TARN__HV_PARTITION_DEVICE__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	struct test_reach to = *reach;
	struct test_hv_device device;

	test_hv_device(&to, &device);
	change.name = guest->name;
	change.run_id = guest->run_id;
	change.device = &device.device;
	request.kind_case = TARN__HV_REQUEST__KIND_DEVICE;
	request.device = &change;
	return test_host_order(host, &request, err);
}
