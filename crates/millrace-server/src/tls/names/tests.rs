use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn waker() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), Waker::from(count))
}

fn ask(names: &Names<u32>, name: &str, now: Instant) -> Asked<u32> {
    match names.find(name, now) {
        Found::Asked(asked) => asked,
        other => panic!("{name} is not asked for: {other:?}"),
    }
}

fn after(now: Instant, ms: u64) -> Instant {
    now + Duration::from_millis(ms)
}

#[test]
fn a_name_is_asked_for_once_and_all_who_wait_are_woken_once() {
    let (names, now) = (Names::new(5000), Instant::now());
    let first = ask(&names, "a.example", now);
    let second = ask(&names, "a.example", now);
    assert_eq!((first.is_new, second.is_new), (true, false));
    let (counts, wakers): (Vec<_>, Vec<_>) = (0..3).map(|_| waker()).unzip();
    assert_eq!(second.question.answer(), None);
    for waker in &wakers {
        second.question.wait(waker);
    }
    names.answer("a.example", Some(7), 1000, now);
    for count in counts {
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }
    assert_eq!(first.question.answer(), Some(Some(7)));
    assert!(matches!(names.find("a.example", now), Found::Known(7)));
}

#[test]
fn who_begins_to_wait_when_the_answer_is_there_already_is_woken_at_once() {
    let (names, now) = (Names::new(5000), Instant::now());
    let asked = ask(&names, "a.example", now);
    names.answer("a.example", None, 0, now);
    let (count, waker) = waker();
    asked.question.wait(&waker);
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
}

#[test]
fn an_answer_that_is_not_kept_reaches_those_who_wait_and_no_other() {
    let (names, now) = (Names::new(5000), Instant::now());
    let asked = ask(&names, "a.example", now);
    names.answer("a.example", Some(7), 0, now);
    assert_eq!(asked.question.answer(), Some(Some(7)));
    assert!(ask(&names, "a.example", now).is_new);
}

#[test]
fn an_answer_holds_for_as_long_as_it_says_and_no_answer_for_ten_seconds_at_most() {
    let (names, now) = (Names::new(5000), Instant::now());
    for name in ["known", "unknown"] {
        ask(&names, name, now);
    }
    names.answer("known", Some(7), 3_600_000, now);
    names.answer("unknown", None, 3_600_000, now);
    assert!(matches!(
        names.find("known", after(now, 3_599_999)),
        Found::Known(7)
    ));
    assert!(matches!(
        names.find("unknown", after(now, 9_999)),
        Found::Unknown
    ));
    assert!(ask(&names, "known", after(now, 3_600_000)).is_new);
    assert!(ask(&names, "unknown", after(now, 10_000)).is_new);
}

#[test]
fn a_keeping_time_beyond_all_clocks_is_for_ever() {
    let (names, now) = (Names::new(5000), Instant::now());
    ask(&names, "a.example", now);
    names.answer("a.example", Some(7), u64::MAX, now);
    assert!(matches!(
        names.find("a.example", after(now, 1 << 40)),
        Found::Known(7)
    ));
}

#[test]
fn a_question_without_an_answer_is_asked_again_when_it_is_late_and_its_answer_is_still_taken() {
    let (names, now) = (Names::new(100), Instant::now());
    let first = ask(&names, "a.example", now);
    assert_eq!(first.question.late_at(), Some(after(now, 100)));
    assert!(!ask(&names, "a.example", after(now, 99)).is_new);
    let later = after(now, 150);
    assert!(ask(&names, "a.example", later).is_new);
    names.answer("a.example", Some(7), 1000, later);
    assert!(matches!(names.find("a.example", later), Found::Known(7)));
}

#[test]
fn without_a_limit_a_question_is_never_late() {
    let (names, now) = (Names::new(0), Instant::now());
    assert_eq!(ask(&names, "a.example", now).question.late_at(), None);
    assert!(!ask(&names, "a.example", after(now, 1 << 40)).is_new);
}

#[test]
fn an_answer_that_nobody_asked_for_is_dropped() {
    let (names, now) = (Names::new(5000), Instant::now());
    names.answer("a.example", Some(7), 1000, now);
    assert!(ask(&names, "a.example", now).is_new);
}

#[test]
fn a_flood_of_names_asks_so_many_questions_and_no_more_until_some_are_answered_or_late() {
    let (names, now) = (Names::new(5000), Instant::now());
    for number in 0..MOST_QUESTIONS {
        assert!(ask(&names, &format!("{number}.example"), now).is_new);
    }
    let first = ask(&names, "first.example", now);
    let second = ask(&names, "second.example", now);
    assert!(!first.is_new && !second.is_new && !first.question.take_turn());
    let (count, waker) = waker();
    first.question.wait(&waker);
    assert!(!ask(&names, "7.example", now).is_new);
    names.answer("7.example", None, 0, now);
    assert_eq!(count.0.load(Ordering::Relaxed), 1, "its turn has come");
    assert!(first.question.take_turn(), "one of those who wait asks");
    assert!(!first.question.take_turn() && !second.question.take_turn());
    names.answer("first.example", Some(7), 0, now);
    assert_eq!(count.0.load(Ordering::Relaxed), 2, "it is answered");
    assert_eq!(first.question.answer(), Some(Some(7)));
    assert!(second.question.take_turn());
    assert!(ask(&names, "more.example", after(now, 5000)).is_new);
}

#[test]
fn the_turn_of_a_question_that_nobody_waits_for_any_longer_is_the_next_ones() {
    let (names, now) = (Names::new(0), Instant::now());
    for number in 0..MOST_QUESTIONS {
        ask(&names, &format!("{number}.example"), now);
    }
    drop(ask(&names, "gone.example", now));
    let next = ask(&names, "next.example", now);
    names.answer("0.example", None, 0, now);
    assert!(next.question.take_turn());
    assert!(!ask(&names, "gone.example", now).is_new, "it waits anew");
}

#[test]
fn the_places_of_late_questions_are_for_those_that_wait() {
    let (names, now) = (Names::new(5000), Instant::now());
    for number in 0..MOST_QUESTIONS {
        ask(&names, &format!("{number}.example"), now);
    }
    let waits = ask(&names, "waits.example", after(now, 1000));
    let comes = ask(&names, "comes.example", after(now, 5000));
    assert!(waits.question.take_turn() && comes.is_new);
}

#[test]
fn so_many_questions_wait_for_their_turn_and_no_more() {
    let (names, now) = (Names::new(5000), Instant::now());
    let asked: Vec<_> = (0..MOST_QUESTIONS + MOST_QUEUED)
        .map(|number| ask(&names, &format!("{number}.example"), now))
        .collect();
    assert_eq!(
        asked.iter().filter(|asked| asked.is_new).count(),
        MOST_QUESTIONS
    );
    assert!(matches!(names.find("more.example", now), Found::Unknown));
}

#[test]
fn the_oldest_answer_makes_room_and_made_up_names_do_not_drive_out_real_ones() {
    let (names, now) = (Names::new(5000), Instant::now());
    let name = |number: usize| format!("{number}.example");
    for number in 0..=MOST_KEPT {
        ask(&names, &name(number), now);
        names.answer(&name(number), Some(number as u32), 60_000, now);
    }
    for number in 0..2 * MOST_KEPT {
        let name = format!("{number}.made-up");
        ask(&names, &name, now);
        names.answer(&name, None, 60_000, now);
    }
    assert!(matches!(names.find(&name(1), now), Found::Known(1)));
    assert!(matches!(names.find("0.made-up", now), Found::Asked(_)));
    assert!(matches!(names.find("1999.made-up", now), Found::Unknown));
    assert!(ask(&names, &name(0), now).is_new);
}

#[test]
fn a_name_that_is_renewed_again_and_again_takes_the_place_of_one() {
    let (names, now) = (Names::new(5000), Instant::now());
    for round in 0..5 * MOST_KEPT as u64 {
        let now = after(now, round);
        ask(&names, "a.example", now);
        names.answer("a.example", Some(7), 1, now);
    }
    let state = names.lock();
    assert_eq!(state.known.answers.len(), 1);
    assert!(state.known.order.len() <= 2 * MOST_KEPT);
}

#[test]
fn a_reload_forgets_what_is_known_and_what_was_asked_before_it() {
    let (names, now) = (Names::new(5000), Instant::now());
    ask(&names, "known", now);
    names.answer("known", Some(7), 60_000, now);
    let asked = ask(&names, "asked", now);
    names.clear();
    assert!(ask(&names, "known", now).is_new);
    assert!(!ask(&names, "asked", now).is_new);
    names.answer("asked", Some(8), 60_000, now);
    assert_eq!(asked.question.answer(), Some(Some(8)));
    assert!(ask(&names, "asked", now).is_new);
}

#[test]
fn an_answer_from_before_a_reload_is_not_kept_because_it_was_late_and_asked_for_again() {
    let (names, now) = (Names::new(100), Instant::now());
    ask(&names, "a.example", now);
    names.clear();
    let later = after(now, 150);
    let again = ask(&names, "a.example", later);
    assert!(again.is_new);
    names.answer("a.example", Some(7), 60_000, later);
    assert_eq!(again.question.answer(), Some(Some(7)));
    assert!(ask(&names, "a.example", later).is_new);
    names.answer("a.example", Some(8), 60_000, later);
    assert!(matches!(names.find("a.example", later), Found::Known(8)));
}
