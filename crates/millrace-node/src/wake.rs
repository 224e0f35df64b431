//! Waking a JavaScript thread from any thread.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use napi::bindgen_prelude::{Function, JsValue};
use napi::{Env, Result, check_status, sys};

/// A handle to wake the JavaScript thread with: a Node-API thread-safe function without data.
///
/// napi-rs' own wrapper boxes data and converts arguments for each call; there is nothing to pass here, and a wake is
/// made once a pass of the I/O loop.
pub(crate) struct WakeHandle {
    function: sys::napi_threadsafe_function,
}

// SAFETY: a thread-safe function may be called from any thread. It is called only by `wake`, which the lane holds
// behind a lock and drops in the environment's clean-up hook, before Node frees the function.
unsafe impl Send for WakeHandle {}
// SAFETY: as above.
unsafe impl Sync for WakeHandle {}

impl WakeHandle {
    /// Makes `callback` callable from any thread. It does not keep the process alive before [`set_referenced`].
    ///
    /// [`set_referenced`]: WakeHandle::set_referenced
    pub(crate) fn new(env: &Env, callback: Function<'_, (), ()>) -> Result<Arc<Self>> {
        let name = env.create_string("millrace")?;
        let mut function = ptr::null_mut();
        // SAFETY: `env`, `callback` and `name` are valid in this call; null stands for no resource, finalizer, context
        // or conversion, so that Node calls `callback` without arguments.
        check_status!(unsafe {
            sys::napi_create_threadsafe_function(
                env.raw(),
                callback.raw(),
                ptr::null_mut(),
                name.raw(),
                0,
                1,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
                None,
                &mut function,
            )
        })?;
        let handle = Arc::new(WakeHandle { function });
        handle.set_referenced(env, false)?;
        Ok(handle)
    }

    /// Calls the callback on its thread soon. A thread that is ending takes no notice.
    pub(crate) fn wake(&self) {
        // SAFETY: the function has not been released: see the note on `Send`.
        let _ = unsafe {
            sys::napi_call_threadsafe_function(
                self.function,
                ptr::null_mut::<c_void>(),
                sys::ThreadsafeFunctionCallMode::nonblocking,
            )
        };
    }

    /// Says whether the handle keeps the process alive.
    pub(crate) fn set_referenced(&self, env: &Env, referenced: bool) -> Result<()> {
        // SAFETY: called on the JavaScript thread that made the function, with its environment.
        let status = unsafe {
            if referenced {
                sys::napi_ref_threadsafe_function(env.raw(), self.function)
            } else {
                sys::napi_unref_threadsafe_function(env.raw(), self.function)
            }
        };
        check_status!(status)
    }
}

/// A text of latin-1 bytes as a JavaScript string, or null.
pub(crate) fn latin1_or_null(env: &Env, text: Option<&[u8]>) -> Result<sys::napi_value> {
    let mut value = ptr::null_mut();
    // SAFETY: the bytes are valid for the call, which copies them.
    let status = unsafe {
        match text {
            Some(text) => sys::napi_create_string_latin1(
                env.raw(),
                text.as_ptr().cast(),
                text.len() as isize,
                &mut value,
            ),
            None => sys::napi_get_null(env.raw(), &mut value),
        }
    };
    check_status!(status)?;
    Ok(value)
}
