//! The class that a JavaScript thread makes once and then calls once a turn.

use std::cell::RefCell;
#[cfg(unix)]
use std::fs::File;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use millrace_server::{Descriptors, FileRange, INBOX_BYTES, JsThread};
use napi::bindgen_prelude::{BufferSlice, Function, Uint8Array, Unknown};
use napi::{Env, Error, Result, Status};
use napi_derive::napi;

use crate::error::system_error;
use crate::lent::LentMemory;
use crate::options::{Address, ConnectionState, DescriptorCounts, FilePiece, ListenOptions};
use crate::routes::RouteTable;
use crate::stats::ServerStats;
use crate::tls::{NativeTlsInfo, TlsContext, TlsCredentials};
use crate::wake::{WakeHandle, latin1_or_null};
use crate::websocket::NativeWebSocketSettings;

/// One JavaScript thread's pair of queues to the core.
#[napi]
pub struct Lane {
    /// Taken by the environment's clean-up hook, so that no I/O thread wakes a thread that is ending.
    thread: Rc<RefCell<Option<JsThread>>>,
    wake: Arc<WakeHandle>,
    lent: LentMemory,
    inbox: Uint8Array,
    outbox: Uint8Array,
}

#[napi]
impl Lane {
    /// Opens the queues. Batches are received in `inbox` and submitted from `outbox`, both of which the lane keeps;
    /// `wake` is called when the first batch of a burst waits.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        inbox: Uint8Array,
        outbox: Uint8Array,
        wake: Function<'_, (), ()>,
    ) -> Result<Self> {
        if inbox.len() < INBOX_BYTES {
            return Err(invalid(format!(
                "inbox must have at least {INBOX_BYTES} bytes"
            )));
        }
        let wake = WakeHandle::new(&env, wake)?;
        let waker = wake.clone();
        let thread = Rc::new(RefCell::new(Some(JsThread::new(Box::new(move || {
            waker.wake()
        })))));
        // A worker can be terminated at any moment; from then on it must not be woken, and its servers are closed.
        env.add_env_cleanup_hook(thread.clone(), |thread| drop(thread.borrow_mut().take()))?;
        Ok(Lane {
            thread,
            wake,
            lent: LentMemory::default(),
            inbox,
            outbox,
        })
    }

    /// Submits the first `written` bytes of the outbox and receives the next batch: its text, or null when nothing
    /// waits. After null, `wake` is called when something does.
    #[napi(catch_unwind, ts_return_type = "string | null")]
    pub fn turn<'env>(&mut self, env: &'env Env, written: u32) -> Result<Unknown<'env>> {
        self.submit(written)?;
        // SAFETY: the facade keeps the inbox to itself and does not touch it during this call.
        let inbox = unsafe { self.inbox.as_mut() };
        let mut thread = self.thread.borrow_mut();
        let text = thread.as_mut().and_then(|thread| thread.receive(inbox));
        let value = latin1_or_null(env, text)?;
        // SAFETY: the value was made by this environment just now.
        unsafe { napi::bindgen_prelude::FromNapiValue::from_napi_value(env.raw(), value) }
    }

    /// Submits the first `written` bytes of the outbox.
    #[napi(catch_unwind)]
    pub fn submit(&mut self, written: u32) -> Result<()> {
        let records = self
            .outbox
            .get(..written as usize)
            .ok_or_else(|| invalid("more written than the outbox has".into()))?;
        if let Some(thread) = self.thread.borrow_mut().as_mut() {
            thread.submit(records);
        }
        Ok(())
    }

    /// Takes a large body chunk of the batch last received, once. It is valid for as long as it is held.
    #[napi(catch_unwind, ts_return_type = "Buffer")]
    pub fn take_chunk<'env>(&mut self, env: &'env Env, index: u32) -> Result<BufferSlice<'env>> {
        let chunk = self
            .thread
            .borrow_mut()
            .as_mut()
            .and_then(|thread| thread.take_chunk(index));
        let chunk = chunk.ok_or_else(|| invalid(format!("the batch has no chunk {index}")))?;
        let (memory, length) = (chunk.as_ptr().cast_mut(), chunk.len());
        // SAFETY: the chunk is the only holder of its memory, which nobody reads or writes until the buffer's
        // finalizer drops it. Where external buffers are forbidden, the call copies and drops it at once.
        unsafe { BufferSlice::from_external(env, memory, length, chunk, |_, chunk| drop(chunk)) }
    }

    /// Puts a large payload beside the records submitted next and returns its index. It is copied here, once, unless it is
    /// lent memory: a buffer that JavaScript could detach must not be read by another thread.
    #[napi(catch_unwind)]
    pub fn put_chunk(&mut self, view: &[u8]) -> u32 {
        let mut thread = self.thread.borrow_mut();
        let Some(thread) = thread.as_mut() else {
            return 0;
        };
        match self.lent.find(view) {
            Some(bytes) => thread.put_lent(bytes),
            None => thread.put_chunk(view),
        }
    }

    /// Memory of the core's own, which [`put_chunk`](Lane::put_chunk) passes on without a copy. It is kept for as long as
    /// JavaScript has the buffer or an I/O thread needs it.
    #[napi(catch_unwind, ts_return_type = "Buffer")]
    pub fn lend<'env>(&self, env: &'env Env, size: u32) -> Result<BufferSlice<'env>> {
        let loan = self.lent.lend(size as usize);
        let (start, bytes) = (loan.start(), i64::from(size));
        env.adjust_external_memory(bytes)?;
        // SAFETY: the loan keeps the memory until the buffer's finalizer drops it. Where external buffers are forbidden
        // the call makes a copy and drops it at once; the copy is then like any other buffer.
        unsafe {
            BufferSlice::from_external(env, start, size as usize, loan, move |env, loan| {
                drop(loan);
                let _ = env.adjust_external_memory(-bytes);
            })
        }
    }

    /// Puts a range of an open regular file beside the records submitted next, to its end when `end` is negative. The
    /// descriptor is duplicated; the file's position is of no concern.
    #[napi(catch_unwind)]
    pub fn put_file(&mut self, descriptor: i32, start: f64, end: f64) -> Result<FilePiece> {
        let range = file_range(descriptor, start, end).map_err(|error| system_error(&error))?;
        let length = range.length() as f64;
        let mut thread = self.thread.borrow_mut();
        let index = thread.as_mut().map_or(0, |thread| thread.put_file(range));
        Ok(FilePiece { index, length })
    }

    /// Binds and listens at once. Without `routes` all requests are for the handler; with `tls` connections are made with
    /// it.
    #[napi(catch_unwind)]
    pub fn listen(
        &mut self,
        options: ListenOptions,
        routes: Option<&RouteTable>,
        tls: Option<&TlsContext>,
    ) -> Result<Address> {
        let path = options.path.clone();
        let config = options.into_config(tls.map(TlsContext::shared))?;
        let mut thread = self.thread.borrow_mut();
        let thread = thread
            .as_mut()
            .ok_or_else(|| invalid("this thread is ending".into()))?;
        let listening = thread
            .listen(config, routes.map(RouteTable::shared))
            .map_err(|error| system_error(&error))?;
        Ok(Address {
            id: listening.id,
            host: listening
                .address
                .map(|address| address.ip().to_string())
                .unwrap_or_default(),
            port: listening.address.map_or(0, |address| address.port()),
            path,
        })
    }

    /// Stops accepting, lets requests finish and reports the end in a record; cuts what is not finished after
    /// `timeout_ms`, never when negative.
    #[napi(catch_unwind)]
    pub fn close(&mut self, server: u32, timeout_ms: f64) {
        let patience = (timeout_ms >= 0.0).then_some(timeout_ms as u64);
        if let Some(thread) = self.thread.borrow_mut().as_mut() {
            thread.close(server, patience);
        }
    }

    /// Adds what WebSockets can be accepted with, for as long as the lane exists, and returns its number.
    #[napi(catch_unwind)]
    pub fn add_web_socket_settings(&self, settings: NativeWebSocketSettings) -> Result<u32> {
        let settings = settings.into_settings()?;
        let thread = self.thread.borrow();
        let thread = thread.as_ref();
        Ok(thread.map_or(0, |thread| thread.add_websocket_settings(settings)))
    }

    /// Accepts `count` connections more for a server that accepts only what it is told to.
    #[napi(catch_unwind)]
    pub fn accept_more(&self, server: u32, count: u32) {
        if let Some(thread) = self.thread.borrow().as_ref() {
            thread.accept_more(server, count.into());
        }
    }

    /// What is known about a connection, by its number and generation; null when it is open no more.
    #[napi(catch_unwind)]
    pub fn connection_info(&self, connection: u32, generation: u32) -> Option<ConnectionState> {
        let thread = self.thread.borrow();
        let info = thread.as_ref()?.connection_info(connection, generation)?;
        Some(info.into())
    }

    /// Has handshakes that begin from now on made with `context`; connections that are open stay. What was found out about
    /// names is forgotten.
    #[napi(catch_unwind)]
    pub fn reload_tls(&self, server: u32, context: &TlsContext) {
        if let Some(thread) = self.thread.borrow().as_ref() {
            thread.reload_tls(server, context.shared());
        }
    }

    /// Answers a question for a name; with null, nothing is there for it. The answer holds for `keep_ms` more, at 0 only
    /// for the connections that wait.
    #[napi(catch_unwind)]
    pub fn name_resolved(
        &self,
        server: u32,
        name: String,
        credentials: Option<&TlsCredentials>,
        keep_ms: f64,
    ) {
        if let Some(thread) = self.thread.borrow().as_ref() {
            let credentials = credentials.map(TlsCredentials::shared);
            thread.name_resolved(server, &name, credentials.as_ref(), keep_ms as u64);
        }
    }

    /// What the handshake of a connection has agreed on, by its number and generation. It is known from the handshake on,
    /// also after the connection's end, until its number is given to another with a handshake.
    #[napi(catch_unwind)]
    pub fn tls_info(&self, connection: u32, generation: u32) -> Option<NativeTlsInfo> {
        let thread = self.thread.borrow();
        let info = thread.as_ref()?.tls_info(connection, generation)?;
        Some(NativeTlsInfo::from(&*info))
    }

    /// How many descriptors the process has open, and how many it may.
    #[napi(catch_unwind)]
    pub fn descriptors(&self) -> DescriptorCounts {
        Descriptors::now().into()
    }

    /// What a server has counted.
    #[napi(catch_unwind)]
    pub fn stats(&self, server: u32) -> Option<ServerStats> {
        let thread = self.thread.borrow();
        let thread = thread.as_ref()?;
        Some(ServerStats::new(
            thread.stats(server)?,
            thread.queued_bytes(),
        ))
    }

    /// Forgets a closed server and its counts.
    #[napi(catch_unwind)]
    pub fn forget(&mut self, server: u32) {
        if let Some(thread) = self.thread.borrow_mut().as_mut() {
            thread.forget(server);
        }
    }

    /// Keeps the process alive.
    #[napi(catch_unwind, js_name = "ref")]
    pub fn reference(&self, env: &Env) -> Result<()> {
        self.wake.set_referenced(env, true)
    }

    /// Lets the process end.
    #[napi(catch_unwind)]
    pub fn unref(&self, env: &Env) -> Result<()> {
        self.wake.set_referenced(env, false)
    }
}

#[cfg(unix)]
fn file_range(descriptor: i32, start: f64, end: f64) -> io::Result<FileRange> {
    use std::os::fd::BorrowedFd;
    if descriptor < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is used for this one call, which fails when it is no open descriptor.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let file = File::from(borrowed.try_clone_to_owned()?);
    let metadata = file.metadata()?;
    let end = if end < 0.0 {
        metadata.len()
    } else {
        end as u64
    };
    let start = start as u64;
    if !metadata.is_file() || start > end || end > metadata.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(FileRange::new(Arc::new(file), start..end))
}

/// Descriptors are not the system's here, but of a library that Node.js has to itself.
#[cfg(not(unix))]
fn file_range(_: i32, _: f64, _: f64) -> io::Result<FileRange> {
    Err(io::ErrorKind::Unsupported.into())
}

fn invalid(message: String) -> Error {
    Error::new(Status::InvalidArg, message)
}
