/* golden - see golden.h. */
#include "tests/unit/cli/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cli/fake.h"

static void golden_path(char *path, size_t size, const char *name)
{
	const char *source = getenv("TARN_SOURCE");

	(void)snprintf(path, size, "%s/tests/unit/cli/golden/%s",
		       source != NULL ? source : ".", name);
}

void check_golden(const char *name, const char *text)
{
	static char want[65536];
	char path[512];
	FILE *file;
	size_t n;

	golden_path(path, sizeof(path), name);
	if (getenv("TARN_GOLDEN_WRITE") != NULL) {
		file = fopen(path, "w");
		assert_non_null(file);
		assert_true(fputs(text, file) >= 0);
		assert_int_equal(fclose(file), 0);
		return;
	}
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("no golden file %s", path);
	n = fread(want, 1, sizeof(want) - 1, file);
	(void)fclose(file);
	want[n] = '\0';
	if (strcmp(want, text) != 0)
		fail_msg("%s differs; printed:\n%s", name, text);
}

void check_golden_of(Tarn__StatusReply *status, const char *line, const char *name)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	struct fake *fake = fake_new();

	reply.status = status;
	fake_answer(fake, &reply);
	assert_int_equal(fake_run(fake, line), CLI_DONE);
	check_golden(name, fake->out);
	fake_free(fake);
}
