"""Runs several workers of `signoff run --processes N` under one supervisor.

The supervisor starts the workers, keeps their number, and stops and reloads them together. It loads no graph, opens no
connection to Redis or Slack, and knows nothing of approvals: the workers share their work through Redis, as processes
that were started apart do (`adapters.redis.lanes`). Imports the configuration and telemetry, and nothing that takes
long.

Decisions:
* Workers are started by exec, not forked: a fork would copy open connections, threads and half of an event loop.
* A worker has two file descriptors of its supervisor: a socket pair, over which both speak JSON lines
  (`channel`), and the reading end of a pipe that nobody writes to. The kernel closes its other end when the
  supervisor ends, however it ends, and then the worker drains and ends as well (`link`). PR_SET_PDEATHSIG would do the
  same on Linux only.
* The supervisor listens on the HTTP ports and workers inherit the sockets. With SO_REUSEPORT each worker would have a
  queue of its own, and the kernel would reset the connections in the queue of a worker that dies. With one queue for
  all, what a dead worker had not accepted is accepted by another, and an idle worker takes more than a busy one.
* The leases of a worker that died are left to run out (10 s). They could be released at once, since fences keep a dead
  process from writing to Redis. But no fence stops a request that it had already sent elsewhere: a message that Slack
  is still posting would be posted twice, and a node's call to a deployment would be repeated while the first is still
  at work. The lease is as long as the bot's own time-out for such requests, and that is what it is for.
"""
