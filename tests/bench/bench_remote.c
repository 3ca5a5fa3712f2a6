/*
 * bench_remote - pages through a tarn-vios that has its device, and through one whose
 * device another has, over loopback: side by side, in one run. Prints JSON; see README.md.
 */
#include "hvcore/base/invariant.h"
#include "tests/bench/vasi_load.h"
#include "tests/support/exporter.h"

#include <signal.h>
#include <stdio.h>

static const struct vasi_load loads[] = {
	{ "write_256k_depth_3", HV_OP_WRITE, 64, 3, false }, /* first: fills the device */
	{ "write_4k", HV_OP_WRITE, 1, 1, false },
	{ "write_4k_depth_64", HV_OP_WRITE, 1, 64, false },
	{ "read_4k", HV_OP_READ, 1, 1, true },
	{ "read_4k_depth_64", HV_OP_READ, 1, 64, true },
};

static void run_all(const struct vasi_host *host, const char *path)
{
	static struct vasi_vios vios;
	struct hv_session_device_open open = vasi_open_of(VASI_LOAD_HANDLE, path,
							  VASI_LOAD_ID);

	vasi_vios_start(host, &vios, "vios1", false);
	HV_INVARIANT(vasi_vios_hello(host, &vios, "vios1"));
	vasi_vios_welcome(&vios, 1, 1, 0);
	HV_INVARIANT(vasi_vios_open(&vios, &open).code == HV_OK);
	for (unsigned i = 0; i < HV_COUNT(loads); i++) {
		vasi_load_run(&vios, &loads[i]);
		(void)printf("%s\n", i + 1 < HV_COUNT(loads) ? "," : "");
	}
	(void)vasi_vios_end(&vios, SIGTERM);
}

int main(void)
{
	struct test_exporter exporter;
	struct vasi_host host;
	char path[HV_PATH_BYTES];

	vasi_host_open(&host);
	vasi_host_format(&host, "device", VASI_LOAD_BYTES, VASI_LOAD_ID, path);
	vasi_host_listen(&host);
	(void)printf("{\n  \"local\": {\n");
	run_all(&host, path);
	test_exporter_open(&exporter);
	test_exporter_start(&exporter);
	host.remote_url = exporter.url;
	(void)printf("  },\n  \"remote\": {\n");
	run_all(&host, path);
	(void)printf("  }\n}\n");
	test_exporter_close(&exporter);
	vasi_host_close(&host);
	return 0;
}
