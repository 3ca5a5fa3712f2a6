/* fake - see fake.h. */
#include "tests/unit/cli/fake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 80
#define LINE_BYTES 512

static enum hv_code ask(struct cli_world *world, const char *url,
			const struct cli_message *sent, uint64_t deadline_ms,
			struct cli_message *ret_answer, struct hv_err *err)
{
	struct fake *fake = (struct fake *)world;
	struct fake_request *request = &fake->requests[fake->asked];
	struct fake_answer *answer = &fake->answers[fake->asked];

	assert(strcmp(url, "ipc:///fake") == 0);
	assert(fake->asked < fake->answer_count && sent->count <= FAKE_REQUEST_BYTES);
	memcpy(request->bytes, sent->bytes, sent->count);
	request->count = sent->count;
	request->deadline_ms = deadline_ms;
	fake->asked++;
	if (answer->code != HV_OK) {
		if (answer->code == HV_E_TIMEOUT)
			fake->now_ms += deadline_ms;
		return hv_fail(err, answer->code, "connection %s",
			       hv_code_name(answer->code));
	}
	ret_answer->bytes = malloc(answer->count + 1);
	if (ret_answer->bytes == NULL)
		return hv_fail(err, HV_E_NOMEM, "answer");
	memcpy(ret_answer->bytes, answer->bytes, answer->count);
	ret_answer->count = answer->count;
	return HV_OK;
}

static uint64_t now_ms(struct cli_world *world)
{
	return ((struct fake *)world)->now_ms;
}

static void sleep_ms(struct cli_world *world, uint64_t ms)
{
	((struct fake *)world)->now_ms += ms;
}

static enum hv_code random_bytes(struct cli_world *world, uint8_t *bytes, size_t count,
				 struct hv_err *err)
{
	if (((struct fake *)world)->no_random)
		return hv_fail(err, HV_E_OS, "no randomness");
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)(0xa0 + i);
	return HV_OK;
}

static enum hv_code converse(struct cli_world *world, const char *url,
			     const uint8_t *session, struct hv_err *err)
{
	struct fake *fake = (struct fake *)world;

	assert(strcmp(url, fake->cli.url) == 0 && session[15] == 0xaf);
	fake->conversations++;
	*err = fake->converse;
	return fake->converse.code;
}

/* Nobody looks: a test calls the view's functions itself. */
static enum hv_code watch(struct cli_world *world, const char *url, struct cli_live *live,
			  struct hv_err *err)
{
	(void)world;
	(void)url;
	(void)live;
	return hv_fail(err, HV_E_REFUSED, "there is no terminal");
}

/* Nobody types. */
static bool read_line(struct cli_world *world, char *line, size_t size)
{
	(void)world;
	(void)line;
	(void)size;
	return false;
}

struct fake *fake_new(void)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	assert(fake != NULL);
	fake->world = (struct cli_world){ ask,      now_ms,    sleep_ms, random_bytes,
					  converse, read_line, watch };
	fake->cli.world = &fake->world;
	fake->cli.url = "ipc:///fake";
	fake->now_ms = 1000;
	return fake;
}

void fake_free(struct fake *fake)
{
	for (unsigned i = 0; i < fake->answer_count; i++)
		free(fake->answers[i].bytes);
	free(fake->out);
	free(fake->err);
	free(fake);
}

void fake_answer(struct fake *fake, const Tarn__ClusterReply *reply)
{
	struct fake_answer *answer = &fake->answers[fake->answer_count++];

	assert(fake->answer_count <= FAKE_ANSWERS_MAX);
	answer->count = tarn__cluster_reply__get_packed_size(reply);
	answer->bytes = malloc(answer->count + 1);
	assert(answer->bytes != NULL);
	tarn__cluster_reply__pack(reply, answer->bytes);
}

void fake_lose(struct fake *fake, enum hv_code code)
{
	fake->answers[fake->answer_count++].code = code;
}

void fake_answer_status(struct fake *fake)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;

	reply.status = fake_status();
	fake_answer(fake, &reply);
}

void fake_answer_drills(struct fake *fake)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;

	reply.drills = fake_drills(&reply.n_drills);
	fake_answer(fake, &reply);
}

void fake_answer_error(struct fake *fake, enum hv_code code, const char *text)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__Error error = TARN__ERROR__INIT;

	error.code = (uint32_t)code;
	error.text = (char *)text;
	reply.error = &error;
	fake_answer(fake, &reply);
}

void fake_answer_job(struct fake *fake, uint64_t job)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;

	reply.has_revision = true;
	reply.revision = 7;
	reply.has_job = job != 0;
	reply.job = job;
	fake_answer(fake, &reply);
}

void fake_answer_job_record(struct fake *fake, bool done, const char *error)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__JobRecord record = TARN__JOB_RECORD__INIT;
	Tarn__Error failed = TARN__ERROR__INIT;

	record.id = 12;
	record.what = (char *)"activate lpar db1";
	record.host = (char *)"h1";
	record.done = done;
	record.text = (char *)"starting";
	failed.code = HV_E_NOMEM;
	failed.text = (char *)error;
	record.error = error != NULL ? &failed : NULL;
	reply.job_record = &record;
	fake_answer(fake, &reply);
}

int fake_run(struct fake *fake, const char *line)
{
	char text[LINE_BYTES], *words[WORDS_MAX], *rest = text;
	size_t out_bytes, err_bytes;
	unsigned count = 0;
	int status;

	assert(strlen(line) < sizeof(text));
	memcpy(text, line, strlen(line) + 1);
	for (char *word; (word = strsep(&rest, " ")) != NULL;) {
		assert(count < WORDS_MAX);
		for (char *tab; (tab = strchr(word, '\t')) != NULL;)
			*tab = ' ';
		if (word[0] != '\0')
			words[count++] = strcmp(word, "''") == 0 ? (char *)"" : word;
	}
	free(fake->out);
	free(fake->err);
	fake->cli.out = open_memstream(&fake->out, &out_bytes);
	fake->cli.err = open_memstream(&fake->err, &err_bytes);
	assert(fake->cli.out != NULL && fake->cli.err != NULL);
	fake->cli.is_wrong_usage = false;
	fake->cli.has_document = false;
	status = cli_main(&fake->cli, count, words);
	(void)fclose(fake->cli.out);
	(void)fclose(fake->cli.err);
	return status;
}

Tarn__ClusterRequest *fake_request(const struct fake *fake, unsigned nth)
{
	Tarn__ClusterRequest *request = tarn__cluster_request__unpack(
		NULL, fake->requests[nth].count, fake->requests[nth].bytes);

	assert(nth < fake->asked && request != NULL);
	return request;
}
