/* server - see server.h. */
#include "coordinator/api/server.h"

#include "coordinator/api/engine.h"
#include "hvcore/base/again.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/log.h"
#include "hvcore/loop/rpc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CONTEXTS 1024 /* requests open at once: waits (ENGINE_WAITS_MAX) and 128 others */

struct server {
	struct engine_env env; /* first */
	const char *profiles;
	char *const *arguments;
	int pid_file;
	struct hv_loop *loop;
	struct hv_server *rpc;
	struct engine *engine;
	struct hv_idle after;
	struct hv_timer timer;
};

static uint64_t now_ms(struct engine_env *env)
{
	(void)env;
	return hv_clock_ms();
}

static uint64_t wall_ms(struct engine_env *env)
{
	(void)env;
	return hv_clock_wall_ms();
}

static void fill_random(struct engine_env *env, void *bytes, size_t count)
{
	(void)env;
	/* Up to 256 bytes are given whole and do not fail once the pool is up. */
	if (getrandom(bytes, count, 0) != (ssize_t)count)
		abort();
}

static void answer(struct engine_env *env, void *ticket, const void *bytes, size_t count)
{
	(void)env;
	hv_exchange_answer(ticket, bytes, count);
}

static void want_flush(struct engine_env *env)
{
	struct server *server = (struct server *)env;

	hv_loop_after(server->loop, &server->after);
}

static enum hv_code again(struct engine_env *env, unsigned away_ms, struct hv_err *err)
{
	struct server *server = (struct server *)env;

	log_warn("coordinator.drill",
		 "away_ms=%u text=\"killed by a drill, and started again\"", away_ms);
	return hv_again(server->arguments, away_ms, server->pid_file, err);
}

/* One small file, when a host is added: not worth a worker. */
static enum hv_code load_profile(struct engine_env *env, const char *name,
				 struct hv_profile *ret_profile, struct hv_err *err)
{
	struct server *server = (struct server *)env;

	return hv_profile_load(server->profiles, name, ret_profile, err);
}

static void on_after(struct hv_idle *idle)
{
	struct server *server = HV_CONTAINER(idle, struct server, after);

	engine_flush(server->engine);
}

static void on_timer(struct hv_timer *timer)
{
	struct server *server = HV_CONTAINER(timer, struct server, timer);

	engine_tick(server->engine);
}

static void on_request(void *arg, struct hv_exchange *exchange)
{
	struct server *server = arg;
	const uint8_t *bytes;
	size_t count;

	bytes = hv_exchange_bytes(exchange, &count);
	engine_submit(server->engine, bytes, count, exchange);
}

enum hv_code server_open(struct hv_loop *loop, const struct server_config *given,
			 struct server **ret_server, struct hv_err *err)
{
	struct hv_server_config config = {
		.url = given->url,
		.contexts = CONTEXTS,
		.bytes_max = HV_RPC_BYTES_MAX,
		.on_request = on_request,
	};
	struct server *server = calloc(1, sizeof(*server));
	enum hv_code code;

	if (server == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for the server");
	server->env = (struct engine_env){
		.now_ms = now_ms,
		.wall_ms = wall_ms,
		.random = fill_random,
		.answer = answer,
		.want_flush = want_flush,
		.profile = given->profiles != NULL ? load_profile : NULL,
		.again = given->arguments != NULL ? again : NULL,
	};
	server->arguments = given->arguments;
	server->pid_file = given->pid_file;
	server->profiles = given->profiles;
	server->loop = loop;
	server->after.run = on_after;
	server->timer.run = on_timer;
	config.arg = server;
	code = engine_open(&server->env, given->journal, &server->engine, err);
	if (code == HV_OK)
		code = hv_server_open(loop, &config, &server->rpc, err);
	if (code == HV_OK)
		code = hv_timer_start(loop, &server->timer, ENGINE_TICK_MS,
				      ENGINE_TICK_MS, err);
	if (code != HV_OK) {
		server_close(server);
		return code;
	}
	log_info("coordinator.serving", "url=%s epoch=%llu revision=%llu", given->url,
		 (unsigned long long)engine_cluster(server->engine)->now.epoch,
		 (unsigned long long)engine_cluster(server->engine)->now.revision);
	*ret_server = server;
	return HV_OK;
}

void server_close(struct server *server)
{
	if (server == NULL)
		return;
	hv_timer_stop(&server->timer);
	hv_server_close(server->rpc);
	engine_close(server->engine);
	free(server);
}
