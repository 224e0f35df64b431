//! One I/O thread: a current-thread runtime and the one task that drives all of the thread's connections; below it,
//! `arrivals` has the new connections, `handshakes` those whose TLS is not set up, `tenants` the servers that they belong to,
//! and `publications`
//! what their WebSockets have subscribed to.
//!
//! A pass of the task is commands → ready connections → connections with new answers → timers → publish. Everything a
//! pass found for a JavaScript thread goes to it in one batch, with one wake at most.

mod arrivals;
mod handshakes;
mod publications;
mod tenants;

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use millrace_batch::layout::{AbortReason, THREAD_SHIFT, WriteOutcome};
use millrace_batch::outbound::{Action, Outbound, Record, SocketAction};
use millrace_batch::{ExchangeId, RemoteAddress, SocketId};
use slab::Slab;
use tokio::time::{Instant, Sleep};

use self::tenants::Tenant;
use crate::accept::Acceptor;
use crate::answer::{CutShort, Pieces, notification};
use crate::connection::{Connection, Fate};
use crate::connection_info::InfoReader;
use crate::deferred::Worked;
use crate::lane::{Lane, Outgoing};
use crate::outbox::ParkedOutboxes;
use crate::ready::ReadyList;
use crate::room::Room;
use crate::server::Server;
use crate::socket::{RawListener, RawStream, Stream};
use crate::timer::Timers;
use crate::tls::TlsInfosReader;
use crate::websocket::Run;

/// Set in the ready numbers of acceptors; slots of connections stay below.
const ACCEPTOR: u32 = 1 << THREAD_SHIFT;

/// Connections with new answers that are visited in a pass; the others wait for the next. A visit that writes takes some
/// 5 µs, and what is published to many sockets must not keep all others waiting until it is written to the last.
const VISITS_PER_PASS: usize = 256;

/// Stands for no timer in what the sleep is set to.
const NEVER: u64 = u64::MAX;

/// What other threads ask of an I/O thread.
#[derive(Debug)]
pub(crate) enum Command {
    /// Accept connections for a server.
    Listen(Arc<Server>, RawListener),
    /// Accept so many connections more for a server that accepts only what it is told to.
    AcceptMore(Arc<Server>, u64),
    /// Serve a connection accepted by another thread.
    Adopt(Arc<Server>, RawStream, RemoteAddress),
    /// Carry out what JavaScript wrote.
    CarryOut(Arc<Lane>, Outgoing),
    /// Send messages to those who want their topics.
    Publish(Arc<[Run]>),
    /// Go on with an exchange that a worker had.
    Worked(ExchangeId, Worked),
    /// JavaScript has dispatched all that a socket sent before its end.
    Dispatched(SocketId),
    /// Finish what a server has under way; cut it after so many milliseconds.
    Close(Arc<Server>, Option<u64>),
    /// Read again what was not read because a lane was full.
    Resume,
    /// A JavaScript thread has gone, and its servers with it.
    Forget(Arc<Lane>),
}

/// What other threads know of an I/O thread.
#[derive(Debug)]
pub(crate) struct ThreadHandle {
    pub(crate) number: usize,
    mailbox: Mutex<Vec<Command>>,
    ready: Arc<ReadyList>,
    /// Connections open, for choosing the thread of the next one.
    pub(crate) connections: AtomicUsize,
    pub(crate) infos: InfoReader,
    pub(crate) tls_infos: TlsInfosReader,
}

/// The task.
struct Driver {
    handle: Arc<ThreadHandle>,
    peers: Arc<Mutex<Vec<Arc<ThreadHandle>>>>,
    room: Room,
    outboxes: ParkedOutboxes,
    connections: Slab<Connection>,
    generations: Vec<u32>,
    acceptors: Slab<Acceptor>,
    /// By server: how many connections this thread has, and when they are cut.
    servers: HashMap<u32, Tenant>,
    /// Connections one too many that linger.
    turned_away: usize,
    timers: Timers,
    sleep: Pin<Box<Sleep>>,
    sleep_until: u64,
    /// Connections with new answers.
    answered: Vec<u32>,
    /// Bytes that were published to them.
    published_bytes: usize,
    commands: Vec<Command>,
    visits: Vec<u32>,
}

impl ThreadHandle {
    /// Starts an I/O thread.
    pub(crate) fn spawn(
        number: usize,
        peers: Arc<Mutex<Vec<Arc<ThreadHandle>>>>,
    ) -> io::Result<Arc<Self>> {
        let handle = Arc::new(ThreadHandle {
            number,
            mailbox: Mutex::default(),
            ready: Arc::default(),
            connections: AtomicUsize::new(0),
            infos: InfoReader::default(),
            tls_infos: TlsInfosReader::default(),
        });
        let outboxes = ParkedOutboxes::default();
        let parked = outboxes.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            // After each pass the poller is asked again without waiting, so that the thread parks, and wakes JavaScript,
            // only when nothing more has come: fewer and larger batches for one short system call a pass.
            .event_interval(1)
            .on_thread_park(move || parked.publish())
            .build()?;
        let in_thread = handle.clone();
        std::thread::Builder::new()
            .name(format!("millrace-io-{number}"))
            .spawn(move || {
                // The driver is a spawned task and not the one blocked on: a wake-up of a spawned task from its own
                // thread costs no system call.
                let entered = runtime.enter();
                let driver = Driver::new(in_thread, peers, outboxes);
                drop(entered);
                runtime.spawn(tokio::task::unconstrained(driver));
                runtime.block_on(std::future::pending::<()>());
            })?;
        Ok(handle)
    }

    /// Gives the thread something to do.
    pub(crate) fn send(&self, command: Command) {
        self.mailbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(command);
        self.ready.wake_task();
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let driver = self.get_mut();
        driver.handle.ready.set_task(context.waker());
        driver.pass();
        driver.set_alarm(context);
        Poll::Pending
    }
}

impl Driver {
    fn new(
        handle: Arc<ThreadHandle>,
        peers: Arc<Mutex<Vec<Arc<ThreadHandle>>>>,
        outboxes: ParkedOutboxes,
    ) -> Self {
        Driver {
            outboxes,
            room: Room::new(handle.clone()),
            handle,
            peers,
            connections: Slab::new(),
            generations: Vec::new(),
            acceptors: Slab::new(),
            servers: HashMap::new(),
            turned_away: 0,
            timers: Timers::default(),
            sleep: Box::pin(tokio::time::sleep_until(Instant::now())),
            sleep_until: NEVER,
            answered: Vec::new(),
            published_bytes: 0,
            commands: Vec::new(),
            visits: Vec::new(),
        }
    }

    fn pass(&mut self) {
        self.room.tick();
        self.room.tls.begin_pass();
        self.outboxes.swap(&mut self.room.outboxes);
        let mut visits = std::mem::take(&mut self.visits);
        self.handle.ready.take(&mut visits);
        self.obey();
        for &number in &visits {
            if number & ACCEPTOR != 0 {
                self.accept((number & !ACCEPTOR) as usize);
            } else {
                self.visit(number as usize, Connection::drive);
            }
        }
        self.visits = visits;
        self.visit_answered(VISITS_PER_PASS);
        self.expire();
        self.room.outboxes.end_pass();
        self.outboxes.swap(&mut self.room.outboxes);
    }

    fn obey(&mut self) {
        let mut commands = std::mem::take(&mut self.commands);
        std::mem::swap(
            &mut *self
                .handle
                .mailbox
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
            &mut commands,
        );
        for command in commands.drain(..) {
            match command {
                Command::CarryOut(lane, outgoing) => self.carry_out(&lane, outgoing),
                Command::Publish(runs) => self.publish(&runs),
                Command::Worked(exchange, worked) => self.worked(exchange, worked),
                Command::Dispatched(socket) => {
                    if let Some(slot) = self.find(socket.connection, socket.generation) {
                        self.visit(slot, Connection::dispatched);
                    }
                }
                Command::Adopt(server, stream, remote) => match Stream::from_raw(stream) {
                    Ok(stream) => self.adopt(server, stream, remote),
                    Err(_) => server.leave(),
                },
                Command::Listen(server, listener) => self.listen(server, listener),
                Command::AcceptMore(server, count) => self.accept_more(&server, count),
                Command::Close(server, patience) => self.close(server, patience),
                Command::Resume => {
                    for number in std::mem::take(&mut self.room.stalled) {
                        self.visit((number & (ACCEPTOR - 1)) as usize, Connection::resume);
                    }
                }
                Command::Forget(lane) => self.forget(&lane),
            }
        }
        self.commands = commands;
    }

    fn carry_out(&mut self, lane: &Arc<Lane>, outgoing: Outgoing) {
        // A malformed record ends the batch; the requests it would have answered run into their timeouts.
        for record in Outbound::new(&outgoing.records).flatten() {
            let ExchangeId {
                connection,
                generation,
                ..
            } = record.exchange;
            let Some(slot) = self.find(connection, generation) else {
                self.report_lost(lane, &record);
                continue;
            };
            if let Action::Socket(action) = &record.action
                && self.subscribe(slot, action)
            {
                continue;
            }
            let pieces = Pieces::Batch(&outgoing.chunks);
            self.apply(slot, |connection, room| {
                connection.carry_out(room, &record, pieces)
            });
        }
        lane.give_spare_outgoing(outgoing.records);
    }

    /// Reports a write to a connection that has gone.
    fn report_lost(&mut self, lane: &Arc<Lane>, record: &Record<'_>) {
        let batch = self.room.batch(lane);
        let ExchangeId {
            connection,
            generation,
            ..
        } = record.exchange;
        if let Action::Socket(SocketAction::Send(send)) = record.action
            && let Some(token) = send.notify
        {
            let socket = SocketId {
                connection,
                generation,
            };
            batch.push_sent(socket, token, WriteOutcome::NotExecuted, 0);
        } else if let Some(token) = notification(&record.action) {
            batch.push_written(record.exchange, token, WriteOutcome::NotExecuted);
        }
    }

    fn worked(&mut self, exchange: ExchangeId, worked: Worked) {
        if let Some(slot) = self.find(exchange.connection, exchange.generation) {
            self.apply(slot, |connection, room| {
                connection.worked(room, exchange.sequence, worked)
            });
        }
    }

    /// The slot of a connection, unless that has gone.
    fn find(&self, number: u32, generation: u32) -> Option<usize> {
        let slot = (number & (ACCEPTOR - 1)) as usize;
        let connection = self.connections.get(slot)?;
        (connection.generation == generation).then_some(slot)
    }

    /// Adds to what a connection sends. It is visited when all of this pass has been added.
    fn apply(
        &mut self,
        slot: usize,
        act: impl FnOnce(&mut Connection, &mut Room) -> Result<(), CutShort>,
    ) {
        let Some(connection) = self.connections.get_mut(slot) else {
            return;
        };
        let room = &mut self.room;
        match catch_unwind(AssertUnwindSafe(|| act(connection, room))) {
            Ok(Ok(())) => {
                if connection.list() {
                    self.answered.push(slot as u32);
                }
            }
            Ok(Err(CutShort)) => {
                // Answers before this one are complete and go out first.
                self.visit(slot, Connection::flush_and_settle);
                self.end(slot, Fate::Cut(CutShort::REASON));
            }
            Err(_) => self.end_panicked(slot),
        }
    }

    fn visit_answered(&mut self, most: usize) {
        let mut answered = std::mem::take(&mut self.answered);
        let count = answered.len().min(most);
        for slot in answered.drain(..count) {
            self.visit(slot as usize, Connection::visit_listed);
        }
        self.answered = answered;
        if self.answered.is_empty() {
            self.published_bytes = 0;
        } else {
            self.handle.ready.wake_task();
        }
    }

    /// Lets a connection act, and draws the consequences. A panic costs that connection and no other.
    fn visit(&mut self, slot: usize, act: impl FnOnce(&mut Connection, &mut Room) -> Fate) {
        let Some(connection) = self.connections.get_mut(slot) else {
            return;
        };
        let now = self.room.now;
        let room = &mut self.room;
        match catch_unwind(AssertUnwindSafe(|| act(connection, room))) {
            Ok(Fate::Goes(None)) => {}
            // A deadline that has passed and does not move must not make the thread spin.
            Ok(Fate::Goes(Some(deadline))) => self.timers.schedule(slot, deadline.max(now + 1)),
            Ok(fate) => self.end(slot, fate),
            Err(_) => self.end_panicked(slot),
        }
    }

    /// Ends a connection whose state a panic has left unknown; the panic's message went to standard error.
    fn end_panicked(&mut self, slot: usize) {
        self.room.recover();
        let Some(connection) = self.connections.get(slot) else {
            return;
        };
        let server = connection.server.clone();
        let text = "ERR_INTERNAL - the core failed while serving a connection; please report this";
        server.report(&mut self.room, text);
        self.end(slot, Fate::Cut(AbortReason::ConnectionLost));
    }

    fn end(&mut self, slot: usize, fate: Fate) {
        let Some(mut connection) = self.connections.try_remove(slot) else {
            return;
        };
        self.generations[slot] = self.generations[slot].wrapping_add(1);
        self.room.infos.close(slot);
        if connection.socket.is_tls() {
            self.room.tls_infos.close(slot, connection.generation);
        }
        let server = connection.server.clone();
        let counters = server.counters(self.room.thread);
        if connection.is_busy() {
            counters.aborted.add(1);
        }
        let (reason, outcome) = match &fate {
            Fate::Lost(error) => {
                let outcome = error
                    .raw_os_error()
                    .map_or(WriteOutcome::NotExecuted, WriteOutcome::System);
                (AbortReason::ConnectionLost, outcome)
            }
            Fate::Cut(AbortReason::ServerClosed) => {
                (AbortReason::ServerClosed, WriteOutcome::Destroyed)
            }
            Fate::Cut(reason) => (*reason, WriteOutcome::NotExecuted),
            Fate::Over | Fate::Goes(_) => (AbortReason::ConnectionLost, WriteOutcome::NotExecuted),
        };
        connection.end_exchanges(&mut self.room, reason, outcome);
        connection.end_secure(&mut self.room, &fate);
        let admitted = connection.admitted;
        drop(connection);
        self.unsubscribe_all(&server, slot);
        counters.connections.sub(1);
        if admitted {
            server.leave();
        } else {
            self.turned_away -= 1;
        }
        self.handle.connections.fetch_sub(1, Ordering::Relaxed);
        if let Some(tenant) = self.servers.get_mut(&server.id) {
            tenant.connections -= 1;
        }
        self.end_tenancy(&server);
    }

    fn slots_of(&self, belongs: impl Fn(&Connection) -> bool) -> Vec<usize> {
        self.connections
            .iter()
            .filter(|(_, connection)| belongs(connection))
            .map(|(slot, _)| slot)
            .collect()
    }

    fn expire(&mut self) {
        let now = self.room.now;
        let mut expired = Vec::new();
        self.timers.expire(now, &mut expired);
        for slot in expired {
            self.visit(slot as usize, Connection::expire);
        }
        let retries: Vec<usize> = self
            .acceptors
            .iter()
            .filter(|(_, a)| a.retry_at().is_some_and(|at| at <= now))
            .map(|(i, _)| i)
            .collect();
        for index in retries {
            self.accept(index);
        }
        let late: Vec<Arc<Server>> = self
            .servers
            .values_mut()
            .filter_map(|tenant| tenant.take_late(now))
            .collect();
        for server in late {
            for slot in self.slots_of(|connection| Arc::ptr_eq(&connection.server, &server)) {
                self.end(slot, Fate::Cut(AbortReason::ServerClosed));
            }
        }
    }

    /// Sees to it that the task is polled when the next deadline comes.
    fn set_alarm(&mut self, context: &mut Context<'_>) {
        let cuts = self.servers.values().filter_map(|tenant| tenant.cut_at);
        let retries = self
            .acceptors
            .iter()
            .filter_map(|(_, acceptor)| acceptor.retry_at());
        let next = self
            .timers
            .next()
            .into_iter()
            .chain(cuts)
            .chain(retries)
            .min()
            .unwrap_or(NEVER);
        if next != self.sleep_until {
            self.sleep_until = next;
            if next != NEVER {
                let at = self.room.instant(next);
                self.sleep.as_mut().reset(Instant::from_std(at));
            }
        }
        if next != NEVER && self.sleep.as_mut().poll(context).is_ready() {
            // Due already: come back at once.
            self.sleep_until = NEVER;
            context.waker().wake_by_ref();
        }
    }
}
