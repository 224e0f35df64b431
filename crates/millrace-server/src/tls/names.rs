//! Server names whose credentials JavaScript is asked for.
//!
//! One question is under way for a name, however many connections of however many I/O threads wait for its answer. A
//! client can name anything, so all of it is bounded: questions at a time, and answers that are kept, those that nothing
//! is there for apart from the others, which a flood of made-up names must not drive out.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// Questions at a time.
const MOST_QUESTIONS: usize = 256;

/// Questions that wait for their turn. A client with one more name is told what clients with unknown names are.
const MOST_QUEUED: usize = 4096;

/// Answers that are kept, of either kind.
const MOST_KEPT: usize = 1000;

/// That nothing is there for a name is believed for so long at most: it may be about to be set up.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// The names of a server; `T` is what there is for one.
#[derive(Debug)]
pub(crate) struct Names<T> {
    state: Mutex<State<T>>,
    /// How long a connection waits; none for as long as it may.
    patience: Option<Duration>,
}

/// What is there for a name.
#[derive(Debug)]
pub(crate) enum Found<T> {
    Known(T),
    Unknown,
    Asked(Asked<T>),
}

/// A question that a connection waits for.
#[derive(Debug)]
pub(crate) struct Asked<T> {
    pub(crate) question: Arc<Question<T>>,
    /// JavaScript has to be told of it.
    pub(crate) is_new: bool,
}

/// A question for a name.
#[derive(Debug)]
pub(crate) struct Question<T> {
    /// Set once; none when nothing is there.
    answer: OnceLock<Option<T>>,
    waiting: Mutex<Vec<Waker>>,
    late_at: Option<Instant>,
    /// How often the server had been reloaded.
    epoch: u64,
    /// It waits for its turn. Changed under the lock of the names.
    is_queued: AtomicBool,
    /// Its turn has come, and whoever sees that first has JavaScript told of it.
    is_due: AtomicBool,
}

#[derive(Debug)]
struct State<T> {
    known: Kept<T>,
    unknown: Kept<()>,
    questions: HashMap<Box<str>, Arc<Question<T>>>,
    /// Those of them that wait for their turn, the oldest first; and some that have gone from there since.
    queue: VecDeque<(Box<str>, Arc<Question<T>>)>,
    epoch: u64,
}

/// Answers by name, the oldest of which makes room for a new one.
#[derive(Debug)]
struct Kept<T> {
    answers: HashMap<Arc<str>, Answer<T>>,
    /// In the order they came, with their numbers: a name may be in here more than once.
    order: VecDeque<(Arc<str>, u64)>,
    next: u64,
}

#[derive(Debug)]
struct Answer<T> {
    value: T,
    until: Instant,
    number: u64,
}

impl<T: Clone> Names<T> {
    /// Names for which a connection waits so many milliseconds, with 0 for as long as it may.
    pub(crate) fn new(patience_ms: u64) -> Self {
        Names {
            state: Mutex::new(State {
                known: Kept::default(),
                unknown: Kept::default(),
                questions: HashMap::new(),
                queue: VecDeque::new(),
                epoch: 0,
            }),
            patience: (patience_ms > 0).then(|| Duration::from_millis(patience_ms)),
        }
    }

    /// Looks a name up, and has it asked for when nothing is known of it.
    pub(crate) fn find(&self, name: &str, now: Instant) -> Found<T> {
        let mut state = self.lock();
        if let Some(known) = state.known.get(name, now) {
            return Found::Known(known);
        }
        if state.unknown.get(name, now).is_some() {
            return Found::Unknown;
        }
        // Who comes when a question is late asks anew: this answer may never come. If it does, it is taken for that of the
        // question that has its place by then, and is no younger for that.
        let mut epoch = state.epoch;
        if let Some(question) = state.questions.get(name) {
            if !question.is_late(now) {
                return Found::Asked(Asked {
                    question: question.clone(),
                    is_new: false,
                });
            }
            epoch = question.epoch;
        }
        let mut due = Vec::new();
        let mut is_full = false;
        if state.questions.len() >= MOST_QUESTIONS {
            state.questions.retain(|_, question| !question.is_late(now));
            due.extend(std::iter::from_fn(|| state.next_due(now)));
            is_full = state.has_no_place();
            if is_full && state.queue.len() >= MOST_QUEUED {
                return Found::Unknown;
            }
        }
        let question = Arc::new(Question {
            answer: OnceLock::new(),
            waiting: Mutex::default(),
            late_at: self.patience.map(|patience| now + patience),
            epoch,
            is_queued: AtomicBool::new(is_full),
            is_due: AtomicBool::new(false),
        });
        state.questions.insert(name.into(), question.clone());
        if is_full {
            state.queue.push_back((name.into(), question.clone()));
        }
        drop(state);
        due.iter().for_each(|due| due.call());
        Found::Asked(Asked {
            question,
            is_new: !is_full,
        })
    }

    /// Takes the answer to a question, wakes who waits for it, and keeps it for so many milliseconds. One that nobody has
    /// asked for is dropped.
    pub(crate) fn answer(&self, name: &str, value: Option<T>, keep_ms: u64, now: Instant) {
        let mut state = self.lock();
        let Some(question) = state.questions.remove(name) else {
            return;
        };
        // What was found out before a reload may have come of what was replaced.
        if keep_ms > 0 && question.epoch == state.epoch {
            let keep = Duration::from_millis(keep_ms);
            match &value {
                Some(value) => state.known.put(name, value.clone(), keep, now),
                None => state.unknown.put(name, (), keep.min(UNKNOWN_FOR), now),
            }
        }
        let due = state.next_due(now);
        drop(state);
        question.set_answer(value);
        if let Some(due) = due {
            due.call();
        }
    }

    /// Forgets what is known. Questions under way are still answered, to those who wait.
    pub(crate) fn clear(&self) {
        let mut state = self.lock();
        state.known = Kept::default();
        state.unknown = Kept::default();
        state.epoch += 1;
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// Whether there are as many questions under way as there may be.
    fn has_no_place(&self) -> bool {
        let is_asked = |question: &&Arc<Question<T>>| !question.is_queued.load(Ordering::Relaxed);
        self.questions.values().filter(is_asked).count() >= MOST_QUESTIONS
    }

    /// The next question to be asked, if there is a place for it.
    fn next_due(&mut self, now: Instant) -> Option<Arc<Question<T>>> {
        if self.queue.is_empty() || self.has_no_place() {
            return None;
        }
        while let Some((name, question)) = self.queue.pop_front() {
            let place = self.questions.get(&name);
            if !place.is_some_and(|place| Arc::ptr_eq(place, &question)) {
                continue;
            }
            // The table has it, and this function; without any other those who waited have gone.
            let is_wanted = Arc::strong_count(&question) > 2;
            let is_late = question.late_at.is_some_and(|late_at| late_at <= now);
            if is_wanted && !is_late {
                question.is_queued.store(false, Ordering::Relaxed);
                question.is_due.store(true, Ordering::Release);
                return Some(question);
            }
            self.questions.remove(&name);
        }
        None
    }
}

impl<T: Clone> Question<T> {
    /// Whether JavaScript has to be told of it now, once.
    pub(crate) fn take_turn(&self) -> bool {
        self.is_due.swap(false, Ordering::Acquire)
    }

    /// What there is for the name, once that is known; none when nothing is.
    pub(crate) fn answer(&self) -> Option<Option<T>> {
        self.answer.get().cloned()
    }

    /// Has `waker` called, once, when the answer is there, unless it is already.
    pub(crate) fn wait(&self, waker: &Waker) {
        let mut waiting = self.lock();
        // Whoever answers takes the wakers after the answer is there, and under this lock.
        if self.answer.get().is_none() {
            waiting.push(waker.clone());
        } else {
            drop(waiting);
            waker.wake_by_ref();
        }
    }

    /// When whoever waits is to wait no longer.
    pub(crate) fn late_at(&self) -> Option<Instant> {
        self.late_at
    }

    /// Whether it is waited for no longer.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.late_at.is_some_and(|late_at| late_at <= now)
    }

    /// Wakes who waits, so that one of them has it asked. They go on waiting.
    fn call(&self) {
        for waker in self.lock().iter() {
            waker.wake_by_ref();
        }
    }

    fn set_answer(&self, value: Option<T>) {
        let _ = self.answer.set(value);
        for waker in std::mem::take(&mut *self.lock()) {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Kept<T> {
    fn get(&mut self, name: &str, now: Instant) -> Option<T> {
        let answer = self.answers.get(name)?;
        if answer.until > now {
            return Some(answer.value.clone());
        }
        self.answers.remove(name);
        None
    }

    fn put(&mut self, name: &str, value: T, keep: Duration, now: Instant) {
        // Years beyond what the clock can count are for ever as well.
        let until = now
            .checked_add(keep)
            .unwrap_or_else(|| now + Duration::from_secs(u64::from(u32::MAX)));
        let name: Arc<str> = name.into();
        let number = self.next;
        self.next += 1;
        self.order.push_back((name.clone(), number));
        let answer = Answer {
            value,
            until,
            number,
        };
        self.answers.insert(name, answer);
        while self.answers.len() > MOST_KEPT || self.order.len() > 2 * MOST_KEPT {
            self.drop_oldest();
        }
    }

    /// Drops the first of the order, and the answer with it unless a later one has taken its place.
    fn drop_oldest(&mut self) {
        if let Some((name, number)) = self.order.pop_front()
            && self
                .answers
                .get(&name)
                .is_some_and(|answer| answer.number == number)
        {
            self.answers.remove(&name);
        }
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept {
            answers: HashMap::new(),
            order: VecDeque::new(),
            next: 0,
        }
    }
}

#[cfg(test)]
mod tests;
