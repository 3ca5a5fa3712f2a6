/*
 * console - sessions of people at the consoles of partitions, between their clients and
 * the agents of the hosts.
 *
 *   OPENING --agent's first report--> OPEN --exit, lost, closed--> CLOSED --told--> gone
 *
 * Both sides count bytes, so every message may come twice or late. All of it is in
 * memory: a session ends with the coordinator, with the agent that opened it, with the
 * partition, and CONSOLE_CLIENT_MS after its client was last heard of. One session a
 * partition; CONSOLE_SESSIONS_MAX of them.
 *
 * Contract
 *   Threads  L.
 *   Memory   sessions are the table's. Buffers are part of a session: nothing
 *            allocates after it was opened.
 *   Errors   are told to the client as they are written here.
 *   Time     the cluster's now_ms.
 */
#ifndef COORDINATOR_API_CONSOLE_H
#define COORDINATOR_API_CONSOLE_H

#include "coordinator/cluster/cluster.h"

#define CONSOLE_SESSIONS_MAX HV_CONSOLES_MAX
#define CONSOLE_OPEN_MS 5000    /* for the agent to open it; arbitrary */
#define CONSOLE_CLIENT_MS 20000 /* twice what an exchange is held */
#define CONSOLE_AGENT_MS 25000  /* twice what a HostConsole is held, and a bit */
#define CONSOLE_HOLD_MS 9000    /* less than an agent waits */
#define CONSOLE_TELL_MS 1000    /* an agent is told again of a session that it ignores */

struct console_session;

struct console_table {
	struct console_session *first;
	unsigned count;
	uint64_t next; /* number of the next one */
};

void console_fini(struct console_table *table);

/*
 * What a client asks. On OK *ret_reply is filled, its bytes lent until the next call of
 * any kind. AGAIN: nothing to say yet; ask the same again later.
 */
HV_MUST_USE
enum hv_code console_open(struct console_table *table, const struct cluster *cluster,
			  const Tarn__ConsoleOpen *open, Tarn__ConsoleReply *ret_reply,
			  struct hv_err *err);
HV_MUST_USE
enum hv_code console_exchange(struct console_table *table, const struct cluster *cluster,
			      const Tarn__ConsoleExchange *exchange,
			      Tarn__ConsoleReply *ret_reply, struct hv_err *err);
HV_MUST_USE
enum hv_code console_close(struct console_table *table, const struct cluster *cluster,
			   const Tarn__ConsoleClose *close, struct hv_err *err);

/* Another agent of a host than the one that opened a session ends it. */
void console_see(struct console_table *table, const Tarn__HostIdentity *identity);
/* An agent's message: what it says counts, whatever it is answered with. */
void console_take(struct console_table *table, const struct cluster *cluster,
		  const Tarn__HostConsole *console);
/* Whether the host would learn something from an answer to that message. */
bool console_has_news(const struct console_table *table,
		      const Tarn__HostConsole *console);
/* The answer. NOMEM. Free it with console_free_orders(). */
HV_MUST_USE
enum hv_code console_orders(const struct console_table *table, const char *host,
			    Tarn__HostConsoleReply *ret_reply, struct hv_err *err);
void console_free_orders(Tarn__HostConsoleReply *reply);
/* Whether that host must be told, now, that there is a session it does not know of. */
bool console_must_tell(struct console_table *table, const struct cluster *cluster,
		       const char *host);

/* Time has passed: who is not heard of any more, and what nobody asks about. */
void console_tick(struct console_table *table, const struct cluster *cluster);

#endif
