//! The laws under [loom](https://docs.rs/loom): every interleaving of a few small situations.
//!
//! For strategies whose parts can run under loom, that is, whose shared state goes through [`pool_core::sync`].
//! [`loom_laws!`](crate::loom_laws) makes a test of each.

use std::sync::Arc;

use pool_core::strategy::{Admit, Asking, Scheduler, Worker};
use pool_core::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use pool_core::sync::thread;

/// Two workers ask once each for one item: exactly one of them gets it.
pub fn two_at_one<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut a, mut b) = (scheduler.attach(1), scheduler.attach(2));
        scheduler.inject(7, None);
        let rival = thread::spawn(move || b.next());
        let mut got: Vec<u32> = a.next().into_iter().chain(rival.join().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, [7], "laws 1 and 2: one item, two workers");
    });
}

/// Two workers ask once each for one of two items, one of which the first has pushed: each gets one.
pub fn two_at_two<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut a, mut b) = (scheduler.attach(1), scheduler.attach(2));
        scheduler.inject(1, None);
        a.push(2, None);
        let rival = thread::spawn(move || b.next());
        let mut got: Vec<u32> = a.next().into_iter().chain(rival.join().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, [1, 2], "laws 1 and 2: two items, two workers");
    });
}

/// A worker pushes, says so, and does not ask again: a worker that has heard of it finds the item.
pub fn push_then_next<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut a, mut b) = (scheduler.attach(1), scheduler.attach(2));
        let said = Arc::new(AtomicBool::new(false));
        let saying = Arc::clone(&said);
        let pusher = thread::spawn(move || {
            a.push(7, None);
            saying.store(true, Ordering::Release);
            a
        });
        let heard = said.load(Ordering::Acquire);
        let empty = scheduler.is_empty();
        let got = b.next();
        assert!(!heard || got == Some(7), "law 2: a push that came before is not seen");
        assert!(!heard || !empty, "law 3: is_empty does not see what next sees");
        let _a = pusher.join().unwrap();
        assert_eq!(got.or_else(|| b.next()), Some(7), "law 1: the item is lost");
        assert!(scheduler.is_empty(), "law 3: is_empty sees what is not there");
    });
}

/// The last item is taken while another is pushed: the other is found by the next worker that asks.
pub fn push_against_take<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut a, mut b) = (scheduler.attach(1), scheduler.attach(2));
        scheduler.inject(1, None);
        let pusher = thread::spawn(move || a.push(2, None));
        let mut got: Vec<u32> = b.next().into_iter().collect();
        pusher.join().unwrap();
        assert!(got.len() == 2 || !scheduler.is_empty(), "law 3: is_empty does not see an item pushed before");
        got.extend(std::iter::from_fn(|| b.next()));
        got.sort_unstable();
        assert_eq!(got, [1, 2], "laws 1 and 2: an item pushed while the last was taken");
    });
}

/// A worker that has taken the last item pushes another, while an outside item comes in and a second worker takes, both
/// by the looks of a busy worker.
pub fn push_after_take<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut a, mut b) = (scheduler.attach(1), scheduler.attach(2));
        scheduler.inject(1, None);
        assert_eq!(a.try_next(), Some(1), "law 2: the only item, and no rival");
        let shared = Arc::clone(&scheduler);
        let submitter = thread::spawn(move || shared.inject(2, None));
        let taker = thread::spawn(move || (b.try_next(), b));
        a.push(3, None);
        let mut got: Vec<u32> = a.try_next().into_iter().collect();
        submitter.join().unwrap();
        let (early, mut b) = taker.join().unwrap();
        got.extend(early);
        assert!(got.len() == 2 || !scheduler.is_empty(), "law 3: is_empty does not see an item pushed before");
        got.extend(std::iter::from_fn(|| b.next()));
        got.sort_unstable();
        assert_eq!(got, [2, 3], "laws 1 and 2: what was pushed and injected at the same time");
    });
}

/// For strategies that promise first in, first out to every submitter: an outside thread submits, and a worker that has
/// taken the last item pushes another. If it has heard of the submission, its own comes after.
///
/// Not in [`loom_laws!`](crate::loom_laws), as it is no law of every strategy.
pub fn first_in_first_out<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let mut worker = scheduler.attach(1);
        scheduler.inject(1, None);
        assert_eq!(worker.next(), Some(1), "law 2: the only item, and no rival");
        let said = Arc::new(AtomicBool::new(false));
        let saying = Arc::clone(&said);
        let shared = Arc::clone(&scheduler);
        let submitter = thread::spawn(move || {
            shared.inject(2, None);
            saying.store(true, Ordering::Release);
        });
        let heard = said.load(Ordering::Acquire);
        worker.push(3, None);
        submitter.join().unwrap();
        let got: Vec<u32> = std::iter::from_fn(|| worker.next()).collect();
        assert!(got == [2, 3] || !heard && got == [3, 2], "out of order: {got:?}, heard: {heard}");
    });
}

/// For strategies that know urgency: two urgent items come beside a backlog. Once one of the submissions has returned,
/// a worker sees that there is something urgent, wherever the other submitter stands.
///
/// Not in [`loom_laws!`](crate::loom_laws), as it is no law of every strategy.
pub fn the_urgent_first<S>(make: impl Fn() -> S + Send + Sync + 'static, urgent: S::Hint, patient: S::Hint)
where
    S: Scheduler<u32> + 'static,
    S::Hint: Sync + 'static,
{
    loom::model(move || {
        let scheduler = Arc::new(make());
        let mut worker = scheduler.attach(1);
        for item in [1, 2] {
            scheduler.inject(item, Some(patient.clone()));
        }
        assert_eq!(worker.next(), Some(1), "law 4: the rest waits where this worker looks first");
        let (shared, hint) = (Arc::clone(&scheduler), urgent.clone());
        let other = thread::spawn(move || shared.inject(10, Some(hint)));
        scheduler.inject(11, Some(urgent.clone()));
        let next = worker.try_next();
        assert!(matches!(next, Some(10 | 11)), "law 4: {next:?} before an urgent item");
        other.join().unwrap();
    });
}

/// A worker leaves while another takes until it is told that nothing waits: the other gets everything.
pub fn retire_against_next<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut a, mut b) = (scheduler.attach(1), scheduler.attach(2));
        a.push(1, None);
        a.push(2, None);
        let leaving = thread::spawn(move || a.retire());
        let mut got: Vec<u32> = std::iter::from_fn(|| b.next()).collect();
        leaving.join().unwrap();
        got.sort_unstable();
        assert_eq!(got, [1, 2], "laws 2 and 5: what a leaving worker held is not seen");
    });
}

/// An idle worker's last look against a submission, with the fences of the idle protocol: one of the two sees the
/// other.
pub fn last_look<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    meeting(make, sees_with_next::<S>, by_inject::<S>);
}

/// The same against a submission that the pool admits.
pub fn last_look_at_an_admission<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    meeting(make, sees_with_next::<S>, by_inject_if::<S>);
}

/// The same against a push by another worker.
pub fn last_look_at_a_push<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    meeting(make, sees_with_next::<S>, by_push_after_a_look::<S>);
}

/// The last searching worker asks whether more waits, against a submission.
pub fn last_question<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    meeting(make, sees_with_is_empty::<S>, by_inject::<S>);
}

/// The same against a submission that the pool admits.
pub fn last_question_after_an_admission<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    meeting(make, sees_with_is_empty::<S>, by_inject_if::<S>);
}

/// The same against a push by another worker.
pub fn last_question_after_a_push<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    meeting(make, sees_with_is_empty::<S>, by_push_after_a_look::<S>);
}

fn sees_with_next<S: Scheduler<u32>>(_: &S, worker: &mut S::Worker) -> bool {
    worker.next().is_some()
}

fn sees_with_is_empty<S: Scheduler<u32>>(scheduler: &S, _: &mut S::Worker) -> bool {
    !scheduler.is_empty()
}

fn by_inject<S: Scheduler<u32>>(scheduler: &S, _: &mut S::Worker) -> bool {
    scheduler.inject(7, None);
    scheduler.inject_is_ordered()
}

fn by_inject_if<S: Scheduler<u32>>(scheduler: &S, _: &mut S::Worker) -> bool {
    scheduler.inject_if(|_| Admit::Yes(7, None));
    scheduler.inject_is_ordered()
}

/// By a worker that has taken the last item, as far as it could see.
fn by_push_after_a_look<S: Scheduler<u32>>(_: &S, worker: &mut S::Worker) -> bool {
    worker.try_next();
    worker.push(7, None);
    worker.push_is_ordered()
}

/// `submit`, and then read what the other has said; or say it, and then look. The submitter has a fence in between
/// unless `submit` says that it is ordered, as in the pool.
fn meeting<S: Scheduler<u32> + 'static>(
    make: impl Fn() -> S + Send + Sync + 'static,
    sees: fn(&S, &mut S::Worker) -> bool,
    submit: fn(&S, &mut S::Worker) -> bool,
) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut looker, mut pusher) = (scheduler.attach(1), scheduler.attach(2));
        let announced = Arc::new(AtomicBool::new(false));
        let (shared, heard) = (Arc::clone(&scheduler), Arc::clone(&announced));
        let submitter = thread::spawn(move || {
            if !submit(&shared, &mut pusher) {
                fence(Ordering::SeqCst);
            }
            // The worker stays: one that leaves gives back what it holds, and that is another matter.
            (heard.load(Ordering::Relaxed), pusher)
        });
        announced.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let seen = sees(&scheduler, &mut looker);
        let (told, _pusher) = submitter.join().unwrap();
        assert!(seen || told, "laws 2 and 3: a worker parks beside an item, and its submitter does not know");
    });
}

/// Two threads submit if they are admitted: none is asked while the other is, if it is asked under the lock.
pub fn one_is_asked_at_a_time<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    fn count(asked: &AtomicUsize, asking: &Asking<'_>) {
        if asking.is_locked() {
            let before = asked.load(Ordering::Relaxed);
            asked.store(before + 1, Ordering::Relaxed);
        } else {
            asked.fetch_add(1, Ordering::Relaxed);
        }
    }
    loom::model(move || {
        let scheduler = Arc::new(make());
        let asked = Arc::new(AtomicUsize::new(0));
        let submit = |item| {
            let (scheduler, asked) = (Arc::clone(&scheduler), Arc::clone(&asked));
            move || {
                scheduler.inject_if(|asking| {
                    count(&asked, &asking);
                    Admit::Yes(item, None)
                });
            }
        };
        let other = thread::spawn(submit(1));
        submit(2)();
        other.join().unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2, "law 1: an admission that was not counted");
        let mut worker = scheduler.attach(1);
        let mut got: Vec<u32> = std::iter::from_fn(|| worker.next()).collect();
        got.sort_unstable();
        assert_eq!(got, [1, 2], "law 1: what was admitted");
    });
}

/// One thread submits while another closes the pool and goes through `inject_if` as the pool does: it has seen the
/// admission, or the item is refused.
pub fn the_closer_has_seen_each_admission<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        // The lowest bit: closed. Above it, admissions that were not asked for under the lock; beside it, the others.
        let entrance = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let (shared, outside) = (Arc::clone(&scheduler), Arc::clone(&entrance));
        let submitter = thread::spawn(move || {
            let (counted, under_lock) = &*outside;
            let mut was_admitted = false;
            shared.inject_if(|asking| {
                if asking.is_locked() {
                    was_admitted = counted.load(Ordering::Relaxed) & 1 == 0;
                    under_lock.store(usize::from(was_admitted), Ordering::Relaxed);
                } else {
                    was_admitted = counted.fetch_add(2, Ordering::AcqRel) & 1 == 0;
                }
                if was_admitted { Admit::Yes(7, None) } else { Admit::Closed }
            });
            was_admitted
        });
        let (counted, under_lock) = &*entrance;
        let before = counted.fetch_or(1, Ordering::AcqRel);
        scheduler.inject_if(|_| Admit::Closed);
        let was_seen = before / 2 + under_lock.load(Ordering::Relaxed) > 0;
        let was_admitted = submitter.join().unwrap();
        assert!(was_seen || !was_admitted, "law 1: an item was admitted by a pool that had been closed");
        let got = scheduler.attach(1).next();
        assert_eq!(got, was_admitted.then_some(7), "law 1: what was admitted comes out, and nothing else");
    });
}
