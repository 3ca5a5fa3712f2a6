/*
 * rpc_priv - what the files of rpc share: addresses and connections. Not for others.
 *
 * The wire is nng's REQ/REP (any nng REQ socket can ask our servers), the transport
 * nng's byte streams; the handshake, frames and request ids between them are ours.
 * nng 1.5.2's own sockets are not used, measured here: a pipe that is closed between
 * the length and the body of a message leaves its aio unfinished, the one reaper
 * thread waits for it for ever, and from then on no socket of the process closes and
 * no dialer connects again (about every second run of a test that closed under load;
 * upstream issues 1543, 1813). Streams have no reaper to block: the owner closes a
 * stream once and starts nothing on it afterwards.
 *
 *   handshake  00 'S' 'P' 00  protocol(2)  00 00       each way, once
 *   frame      01 length(8)  payload                   ipc
 *                 length(8)  payload                   tcp
 *   payload    id(4, top bit set)  message             numbers are big-endian
 */
#ifndef HVCORE_LOOP_RPC_PRIV_H
#define HVCORE_LOOP_RPC_PRIV_H

#include "hvcore/loop/rpc.h"

#define HV_RPC_ID_BYTES 4
#define HV_RPC_ROUTE_BYTES 32 /* ids of devices on the way and the asker's own: 8 hops */

bool hv_rpc_url_is_ipc(const char *url);

enum hv_parsed { HV_PARSED_MORE, HV_PARSED_ONE, HV_PARSED_BAD };

/* The handshake of a peer that speaks `protocol` at the front of `bytes`. */
#define HV_RPC_HANDSHAKE_BYTES 8
enum hv_parsed hv_handshake_parse(const uint8_t *bytes, size_t count, uint16_t protocol);

/* ONE: a whole frame is there; its payload begins at *ret_head, of *ret_length bytes. */
enum hv_parsed hv_frame_parse(const uint8_t *bytes, size_t count, bool is_ipc,
			      size_t bytes_max, size_t *ret_head, size_t *ret_length);

/* Bytes of ids in front of a request, up to the one with the top bit; 0: not ours. */
size_t hv_route_parse(const uint8_t *payload, size_t count);

/*
 * As hv_client_open, for one who does not want to wait: a call that is not sent ends
 * in GONE as soon as connecting fails.
 */
HV_MUST_USE
enum hv_code hv_client_open_impatient(struct hv_loop *loop, const char *url,
				      size_t bytes_max, struct hv_client **ret_client,
				      struct hv_err *err);

struct nng_stream;
struct hv_conn;

/* Bytes on their way out. */
struct hv_frame {
	struct hv_frame *next;
	size_t count, sent;
	uint32_t id; /* of a call; 0 = none */
	uint8_t bytes[];
};

struct hv_conn_config {
	struct hv_loop *loop;
	bool is_ipc;
	uint16_t protocol, peer_protocol; /* of the handshake */
	size_t bytes_max;                 /* of a message */
	/* The handshake is done. */
	void (*on_open)(void *owner, struct hv_conn *conn);
	/*
	 * One payload, lent. False: not now; nothing more is read until
	 * hv_conn_resume(), which brings the same payload again.
	 */
	bool (*on_payload)(void *owner, struct hv_conn *conn, const uint8_t *bytes,
			   size_t count);
	/* It failed, or the peer hung up. The connection frees itself: forget it. */
	void (*on_end)(void *owner, struct hv_conn *conn);
	void *owner;
};

/* Takes the stream, also where it fails. */
HV_MUST_USE
enum hv_code hv_conn_open(const struct hv_conn_config *config, struct nng_stream *stream,
			  struct hv_conn **ret_conn, struct hv_err *err);

/* Without on_end; freed by the loop later. */
void hv_conn_close(struct hv_conn *conn);
void hv_conn_resume(struct hv_conn *conn);

HV_MUST_USE
enum hv_code hv_frame_make(bool is_ipc, const uint8_t *route, size_t route_count,
			   const void *bytes, size_t count, struct hv_frame **ret_frame,
			   struct hv_err *err);

struct hv_frame *hv_handshake_make(uint16_t protocol); /* NULL: no memory */

/* Queues it; the frame is the connection's from now on. */
void hv_conn_send(struct hv_conn *conn, struct hv_frame *frame);

/* Frees a call's frame of which nothing was sent yet; otherwise it is too late. */
void hv_conn_unsend(struct hv_conn *conn, uint32_t id);

#endif
