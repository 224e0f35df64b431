//! One I/O thread: a current-thread runtime and the one task that drives all of the thread's connections.
//!
//! A pass of the task is commands → ready connections → connections with new answers → timers → publish. Everything a
//! pass found for a JavaScript thread goes to it in one batch, with one wake at most.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use millrace_batch::layout::{AbortReason, ServerEvent, THREAD_SHIFT, WriteOutcome};
use millrace_batch::outbound::Outbound;
use millrace_batch::{ExchangeId, RemoteAddress};
use slab::Slab;
use tokio::time::{Instant, Sleep};

use crate::accept::{Accepted, Acceptor};
use crate::answer::{CutShort, Pieces, notification};
use crate::connection::{Connection, Fate};
use crate::connection_info::InfoReader;
use crate::deferred::Worked;
use crate::lane::{Lane, Outgoing};
use crate::outbox::ParkedOutboxes;
use crate::ready::{ReadyList, SlotWaker};
use crate::room::Room;
use crate::server::Server;
use crate::socket::{RawListener, RawStream, Socket};
use crate::timer::Timers;

/// Set in the ready numbers of acceptors; slots of connections stay below.
const ACCEPTOR: u32 = 1 << THREAD_SHIFT;

/// Connections one too many that are answered at a time; further ones are closed without a word.
const TURNED_AWAY: usize = 64;

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
    /// Go on with an exchange that a worker had.
    Worked(ExchangeId, Worked),
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
    commands: Vec<Command>,
    visits: Vec<u32>,
}

struct Tenant {
    server: Arc<Server>,
    connections: usize,
    /// This thread has been told to close it. The server's own mark is seen before that.
    closing: bool,
    /// When its connections are cut.
    cut_at: Option<u64>,
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
            commands: Vec::new(),
            visits: Vec::new(),
        }
    }

    fn pass(&mut self) {
        self.room.tick();
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
        self.visit_answered();
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
                Command::Worked(exchange, worked) => self.worked(exchange, worked),
                Command::Adopt(server, stream, remote) => match Socket::from_raw(stream) {
                    Ok(socket) => self.adopt(server, socket, remote),
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
            let Some(slot) = self.find(record.exchange) else {
                if let Some(token) = notification(&record.action) {
                    let batch = self.room.batch(lane);
                    batch.push_written(record.exchange, token, WriteOutcome::NotExecuted);
                }
                continue;
            };
            let pieces = Pieces::Batch(&outgoing.chunks);
            self.apply(slot, |connection, room| {
                connection.carry_out(room, &record, pieces)
            });
        }
        lane.give_spare_outgoing(outgoing.records);
    }

    fn worked(&mut self, exchange: ExchangeId, worked: Worked) {
        if let Some(slot) = self.find(exchange) {
            self.apply(slot, |connection, room| {
                connection.worked(room, exchange.sequence, worked)
            });
        }
    }

    /// The slot of the exchange's connection, unless that has gone.
    fn find(&self, exchange: ExchangeId) -> Option<usize> {
        let slot = (exchange.connection & (ACCEPTOR - 1)) as usize;
        let connection = self.connections.get(slot)?;
        (connection.generation == exchange.generation).then_some(slot)
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
                if let Some(active) = connection.active()
                    && !std::mem::replace(&mut active.listed, true)
                {
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

    fn visit_answered(&mut self) {
        let mut answered = std::mem::take(&mut self.answered);
        for slot in answered.drain(..) {
            self.visit(slot as usize, |connection, room| {
                if let Some(active) = connection.active() {
                    active.listed = false;
                    if !active.blocked {
                        return connection.flush_and_settle(room);
                    }
                }
                connection.drive(room)
            });
        }
        self.answered = answered;
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
        let Some(connection) = self.connections.get(slot) else {
            return;
        };
        let server = connection.server.clone();
        let text = b"ERR_INTERNAL - the core failed while serving a connection; please report this";
        let batch = self.room.batch(&server.lane);
        batch.push_server(server.id, ServerEvent::ConnectionError, text);
        self.end(slot, Fate::Cut(AbortReason::ConnectionLost));
    }

    fn end(&mut self, slot: usize, fate: Fate) {
        let Some(mut connection) = self.connections.try_remove(slot) else {
            return;
        };
        self.generations[slot] = self.generations[slot].wrapping_add(1);
        self.room.infos.close(slot);
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
        let admitted = connection.admitted;
        drop(connection);
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

    fn adopt(&mut self, server: Arc<Server>, socket: Socket, remote: RemoteAddress) {
        if server.is_closing() || self.connections.len() >= ACCEPTOR as usize {
            server.leave();
            return;
        }
        if server.config.pull_accept {
            self.announce(&server);
        }
        self.insert(server, socket, remote, Connection::drive);
    }

    /// Reports the connection that is inserted next, before anything of it is.
    fn announce(&mut self, server: &Arc<Server>) {
        let slot = self.connections.vacant_key();
        let number = self.number(slot);
        let generation = self.generations.get(slot).copied().unwrap_or(0);
        let text = format!("{number} {generation}");
        self.room.batch(&server.lane).push_server(
            server.id,
            ServerEvent::Accepted,
            text.as_bytes(),
        );
    }

    /// The number that a connection has in records.
    fn number(&self, slot: usize) -> u32 {
        (self.room.thread as u32) << THREAD_SHIFT | slot as u32
    }

    fn insert(
        &mut self,
        server: Arc<Server>,
        socket: Socket,
        remote: RemoteAddress,
        act: fn(&mut Connection, &mut Room) -> Fate,
    ) {
        let slot = self.connections.vacant_key();
        if self.generations.len() <= slot {
            self.generations.resize(slot + 1, 0);
        }
        let number = self.number(slot);
        let waker = SlotWaker::new(&self.handle.ready, slot as u32);
        let counters = server.counters(self.room.thread);
        counters.accepted.add(1);
        counters.connections.add(1);
        self.handle.connections.fetch_add(1, Ordering::Relaxed);
        tenant(&mut self.servers, &server).connections += 1;
        let now = self.room.now;
        let generation = self.generations[slot];
        let local = socket.local_address();
        self.room.infos.open(slot, generation, local);
        self.connections.insert(Connection::new(
            server, number, generation, socket, remote, waker, now,
        ));
        self.visit(slot, act);
    }

    fn listen(&mut self, server: Arc<Server>, listener: RawListener) {
        let entry = self.acceptors.vacant_entry();
        let waker = SlotWaker::new(&self.handle.ready, ACCEPTOR | entry.key() as u32);
        let index = entry.key();
        match listener.into_listener() {
            Ok(listener) => {
                entry.insert(Acceptor::new(server, listener, waker, self.room.thread));
                self.accept(index);
            }
            Err(error) => {
                let text = format!("ERR_ACCEPT - {error}");
                self.room.batch(&server.lane).push_server(
                    server.id,
                    ServerEvent::ConnectionError,
                    text.as_bytes(),
                );
            }
        }
    }

    fn accept_more(&mut self, server: &Arc<Server>, count: u64) {
        let mut acceptors = self.acceptors.iter_mut();
        let found = acceptors.find(|(_, acceptor)| Arc::ptr_eq(&acceptor.server, server));
        if let Some((index, acceptor)) = found {
            acceptor.allow(count);
            self.accept(index);
        }
    }

    fn accept(&mut self, index: usize) {
        let Some(acceptor) = self.acceptors.get_mut(index) else {
            return;
        };
        let accepted = acceptor.accept(&mut self.room);
        let server = acceptor.server.clone();
        for Accepted {
            socket,
            remote,
            admitted,
        } in accepted
        {
            if !admitted {
                // Letting them linger is a courtesy, and there is only so much of it.
                if self.turned_away < TURNED_AWAY {
                    self.turned_away += 1;
                    self.insert(server.clone(), socket, remote, Connection::turn_away);
                }
                continue;
            }
            match self.least_busy(server.config.io_threads) {
                None => self.adopt(server.clone(), socket, remote),
                Some(thread) => match socket.into_raw() {
                    Ok(stream) => thread.send(Command::Adopt(server.clone(), stream, remote)),
                    Err(_) => server.leave(),
                },
            }
        }
    }

    /// The thread with the fewest connections among the first `count`; `None` for this one.
    fn least_busy(&self, count: usize) -> Option<Arc<ThreadHandle>> {
        if count == 1 && self.handle.number == 0 {
            return None;
        }
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let load = |thread: &Arc<ThreadHandle>| {
            // At equal load this thread keeps the connection and saves the hand-over.
            (
                thread.connections.load(Ordering::Relaxed),
                thread.number != self.handle.number,
            )
        };
        let least = peers.iter().take(count).min_by_key(|thread| load(thread))?;
        (least.number != self.handle.number).then(|| least.clone())
    }

    fn close(&mut self, server: Arc<Server>, patience: Option<u64>) {
        self.acceptors
            .retain(|_, acceptor| !Arc::ptr_eq(&acceptor.server, &server));
        let cut_at = patience.map(|patience| self.room.now + patience);
        let tenant = tenant(&mut self.servers, &server);
        tenant.closing = true;
        tenant.cut_at = match (tenant.cut_at, cut_at) {
            (Some(earlier), Some(later)) => Some(earlier.min(later)),
            (one, other) => one.or(other),
        };
        for slot in self.slots_of(|connection| Arc::ptr_eq(&connection.server, &server)) {
            let connection = &mut self.connections[slot];
            if connection.close_gracefully() {
                self.end(slot, Fate::Over);
            } else {
                self.visit(slot, Connection::flush_and_settle);
            }
        }
        self.end_tenancy(&server);
    }

    /// Reports this thread's part of a closing server as closed once it has no connection left.
    fn end_tenancy(&mut self, server: &Arc<Server>) {
        let Some(tenant) = self.servers.get(&server.id) else {
            return;
        };
        if tenant.connections == 0 && tenant.closing {
            self.servers.remove(&server.id);
            self.room.roots.clear();
            if server.thread_done(self.room.thread) {
                self.room
                    .batch(&server.lane)
                    .push_server(server.id, ServerEvent::Closed, b"");
            }
        }
    }

    fn forget(&mut self, lane: &Arc<Lane>) {
        self.acceptors
            .retain(|_, acceptor| !Arc::ptr_eq(&acceptor.server.lane, lane));
        for slot in self.slots_of(|connection| Arc::ptr_eq(&connection.server.lane, lane)) {
            self.end(slot, Fate::Cut(AbortReason::ServerClosed));
        }
        self.servers
            .retain(|_, tenant| !Arc::ptr_eq(&tenant.server.lane, lane));
        self.room.outboxes.forget(lane);
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

impl Tenant {
    fn take_late(&mut self, now: u64) -> Option<Arc<Server>> {
        self.cut_at
            .take_if(|cut_at| *cut_at <= now)
            .map(|_| self.server.clone())
    }
}

fn tenant<'a>(servers: &'a mut HashMap<u32, Tenant>, server: &Arc<Server>) -> &'a mut Tenant {
    servers.entry(server.id).or_insert_with(|| Tenant {
        server: server.clone(),
        connections: 0,
        closing: false,
        cut_at: None,
    })
}
