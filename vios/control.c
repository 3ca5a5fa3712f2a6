/* control - see control.h. */
#include "vios/control.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/log.h"

static void hang_up(struct vios_control_client *client)
{
	hv_watch_stop(&client->watch);
	if (client->fd >= 0)
		(void)close(client->fd);
	client->fd = -1;
}

static struct hv_inject_answer answer_to(uint32_t tag)
{
	return (struct hv_inject_answer){
		.head = hv_local_head(HV_INJECT_VERSION, HV_INJECT_ANSWER,
				      sizeof(struct hv_inject_answer), tag),
	};
}

static enum hv_code take_order(const struct hv_local_packet *packet,
			       struct hv_inject_order *ret_order, struct hv_err *err)
{
	struct hv_inject_order order = { 0 };
	enum hv_code code = hv_inject_check(packet->bytes, packet->count, err);

	if (code != HV_OK)
		return code;
	memcpy(&order.head, packet->bytes, sizeof(order.head));
	if (order.head.type == HV_INJECT_ANSWER)
		return hv_fail(err, HV_E_CORRUPT, "an answer, and no order");
	memcpy(&order, packet->bytes, packet->count); /* no ANSWER: it fits */
	*ret_order = order;
	return HV_OK;
}

/* What is refused is said to whoever sent it, and in the log. */
static void carry_out(struct vios_control *control, const struct hv_local_packet *packet,
		      struct hv_inject_answer *answer)
{
	struct hv_inject_order order;
	struct hv_err err;
	enum hv_code code = take_order(packet, &order, &err);

	if (code == HV_OK)
		answer->head.tag = order.head.tag;
	if (code == HV_OK && order.head.type != HV_INJECT_ASK)
		code = control->config.on_order(control->config.arg, &order, answer,
						&err);
	answer->code = code;
	if (code == HV_OK)
		return;
	(void)snprintf(answer->text, sizeof(answer->text), "%.255s", err.text);
	log_warn("vios.order_refused", "why=\"%s\"", err.text);
}

static void on_client(struct hv_watch *watch, unsigned events)
{
	struct vios_control_client *client =
		HV_CONTAINER(watch, struct vios_control_client, watch);
	struct hv_inject_answer answer = answer_to(0);
	struct hv_local_packet packet;
	enum hv_code code;

	(void)events; /* reading tells what happened */
	code = hv_local_receive_packet(client->fd, &packet, NULL);
	if (code == HV_E_AGAIN)
		return;
	if (code != HV_OK) {
		hang_up(client);
		return;
	}
	hv_local_close_fds(packet.fds, packet.fd_count); /* nobody needs any */
	carry_out(client->control, &packet, &answer);
	/* A fresh socket takes one packet; who does not wait for it is not answered. */
	(void)!hv_local_send(client->fd, &answer, sizeof(answer), NULL, 0, NULL);
	hang_up(client);
}

/* A free one, else the oldest: nobody keeps others out by saying nothing. */
static struct vios_control_client *make_room(struct vios_control *control)
{
	struct vios_control_client *oldest = &control->clients[0];

	for (unsigned i = 0; i < VIOS_CONTROL_CLIENTS_MAX; i++) {
		if (control->clients[i].fd < 0)
			return &control->clients[i];
		if (control->clients[i].number < oldest->number)
			oldest = &control->clients[i];
	}
	hang_up(oldest);
	return oldest;
}

static void on_connection(struct hv_watch *watch, unsigned events)
{
	struct vios_control *control = HV_CONTAINER(watch, struct vios_control, watch);
	struct vios_control_client *client;
	int fd;

	(void)events;
	if (hv_local_accept(control->fd, &fd, NULL) != HV_OK)
		return;
	client = make_room(control);
	client->fd = fd;
	client->number = ++control->accepted;
	if (hv_watch_start(control->loop, &client->watch, fd, HV_WATCH_READ, NULL) !=
	    HV_OK)
		hang_up(client);
}

void vios_control_init(struct vios_control *control)
{
	*control = (struct vios_control){ .fd = -1, .watch.run = on_connection };
	for (unsigned i = 0; i < VIOS_CONTROL_CLIENTS_MAX; i++)
		control->clients[i] = (struct vios_control_client){
			.fd = -1,
			.watch.run = on_client,
			.control = control,
		};
}

enum hv_code vios_control_start(struct vios_control *control, struct hv_loop *loop,
				const struct vios_control_config *config,
				struct hv_err *err)
{
	enum hv_code code;

	control->config = *config;
	control->loop = loop;
	code = hv_local_listen(config->path, &control->fd, err);
	if (code != HV_OK) {
		control->fd = -1;
		return code;
	}
	code = hv_watch_start(loop, &control->watch, control->fd, HV_WATCH_READ, err);
	if (code != HV_OK)
		vios_control_stop(control);
	return code;
}

void vios_control_stop(struct vios_control *control)
{
	for (unsigned i = 0; i < VIOS_CONTROL_CLIENTS_MAX; i++)
		hang_up(&control->clients[i]);
	hv_watch_stop(&control->watch);
	if (control->fd < 0)
		return;
	(void)close(control->fd);
	control->fd = -1;
	(void)unlink(control->config.path);
}
