//! The laws under [loom](https://docs.rs/loom): every interleaving of a few small situations.
//!
//! For strategies whose parts can run under loom, that is, whose shared state goes through [`pool_core::sync`].
//! [`loom_laws!`](crate::loom_laws) makes a test of each.

use std::sync::Arc;

use pool_core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use pool_core::sync::thread;
use pool_core::{Admission, Scheduler, Worker};

/// Two workers ask once each for one item: exactly one of them gets it.
pub fn two_at_one<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut a, mut b) = (scheduler.attach(1), scheduler.attach(2));
        scheduler.inject(7, S::Hint::default());
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
        scheduler.inject(1, S::Hint::default());
        a.push(2, S::Hint::default());
        let rival = thread::spawn(move || b.next());
        let mut got: Vec<u32> = a.next().into_iter().chain(rival.join().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, [1, 2], "laws 1 and 2: two items, two workers");
    });
}

/// A worker pushes, says so, and does not ask again: whoever has heard of it finds the item.
pub fn push_then_next<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut a, mut b) = (scheduler.attach(1), scheduler.attach(2));
        let said = Arc::new(AtomicBool::new(false));
        let saying = Arc::clone(&said);
        let pusher = thread::spawn(move || {
            a.push(7, S::Hint::default());
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

/// The last item is taken while another is pushed: the other is found by the next who asks.
pub fn push_against_take<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut a, mut b) = (scheduler.attach(1), scheduler.attach(2));
        scheduler.inject(1, S::Hint::default());
        let pusher = thread::spawn(move || a.push(2, S::Hint::default()));
        let mut got: Vec<u32> = b.next().into_iter().collect();
        pusher.join().unwrap();
        assert!(got.len() == 2 || !scheduler.is_empty(), "law 3: is_empty does not see an item pushed before");
        got.extend(std::iter::from_fn(|| b.next()));
        got.sort_unstable();
        assert_eq!(got, [1, 2], "laws 1 and 2: an item pushed while the last was taken");
    });
}

/// A worker that has taken the last item pushes another, while an outside item comes in and a second worker takes, both by
/// the looks of a busy worker.
pub fn push_after_take<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut a, mut b) = (scheduler.attach(1), scheduler.attach(2));
        scheduler.inject(1, S::Hint::default());
        assert_eq!(a.try_next(), Some(1), "law 2: the only item, and nobody else");
        let shared = Arc::clone(&scheduler);
        let submitter = thread::spawn(move || shared.inject(2, S::Hint::default()));
        let taker = thread::spawn(move || (b.try_next(), b));
        a.push(3, S::Hint::default());
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

/// For strategies that promise first in, first out to everybody: who has heard of a submission submits after it. The one who
/// hears is a worker that has taken the last item, the other is an outside thread.
///
/// Not in [`loom_laws!`](crate::loom_laws), as it is no law of every strategy.
pub fn first_in_first_out<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let mut worker = scheduler.attach(1);
        scheduler.inject(1, S::Hint::default());
        assert_eq!(worker.next(), Some(1), "law 2: the only item, and nobody else");
        let said = Arc::new(AtomicBool::new(false));
        let saying = Arc::clone(&said);
        let shared = Arc::clone(&scheduler);
        let submitter = thread::spawn(move || {
            shared.inject(2, S::Hint::default());
            saying.store(true, Ordering::Release);
        });
        let heard = said.load(Ordering::Acquire);
        worker.push(3, S::Hint::default());
        submitter.join().unwrap();
        let got: Vec<u32> = std::iter::from_fn(|| worker.next()).collect();
        assert!(got == [2, 3] || !heard && got == [3, 2], "out of order: {got:?}, heard: {heard}");
    });
}

/// For strategies that know urgency: two urgent items come beside a backlog. Once one of the submissions has returned, a worker
/// sees that there is something urgent, wherever the other submitter stands.
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
            scheduler.inject(item, patient.clone());
        }
        assert_eq!(worker.next(), Some(1), "law 4: the rest waits where this worker looks first");
        let (shared, hint) = (Arc::clone(&scheduler), urgent.clone());
        let other = thread::spawn(move || shared.inject(10, hint));
        scheduler.inject(11, urgent.clone());
        let next = worker.try_next();
        assert!(matches!(next, Some(10 | 11)), "law 4: {next:?} before an urgent item");
        other.join().unwrap();
    });
}

/// A worker leaves while another takes until it is told that nothing waits: it gets everything.
pub fn retire_against_next<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut a, mut b) = (scheduler.attach(1), scheduler.attach(2));
        a.push(1, S::Hint::default());
        a.push(2, S::Hint::default());
        let leaving = thread::spawn(move || a.retire());
        let mut got: Vec<u32> = std::iter::from_fn(|| b.next()).collect();
        leaving.join().unwrap();
        got.sort_unstable();
        assert_eq!(got, [1, 2], "laws 2 and 5: what a leaving worker held is not seen");
    });
}

/// An idle worker's last look against a submission, with the fences of the idle protocol: one of the two sees the other.
pub fn last_look<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    meeting(
        make,
        |_, looker| looker.next().is_some(),
        |scheduler, _| scheduler.inject(7, S::Hint::default()),
        S::INJECT_IS_ORDERED,
    );
}

/// The same against a push by another worker.
pub fn last_look_at_a_push<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    meeting(make, |_, looker| looker.next().is_some(), push_after_a_look::<S>, S::Worker::PUSH_IS_ORDERED);
}

/// The last searcher asks whether more waits, against a submission.
pub fn last_question<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    meeting(
        make,
        |scheduler, _| !scheduler.is_empty(),
        |scheduler, _| scheduler.inject(7, S::Hint::default()),
        S::INJECT_IS_ORDERED,
    );
}

/// The same against a push by another worker.
pub fn last_question_after_a_push<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    meeting(make, |scheduler, _| !scheduler.is_empty(), push_after_a_look::<S>, S::Worker::PUSH_IS_ORDERED);
}

/// By a worker that has taken the last item, as far as it could see.
fn push_after_a_look<S: Scheduler<u32>>(_: &Arc<S>, worker: &mut S::Worker) {
    worker.try_next();
    worker.push(7, S::Hint::default());
}

/// `submit`, and then read what the other has said; or say it, and then look. The submitter has a fence in between unless it
/// `is_ordered`, as in the pool.
fn meeting<S: Scheduler<u32> + 'static>(
    make: impl Fn() -> S + Send + Sync + 'static,
    sees: fn(&Arc<S>, &mut S::Worker) -> bool,
    submit: fn(&Arc<S>, &mut S::Worker),
    is_ordered: bool,
) {
    use pool_core::sync::atomic::fence;
    loom::model(move || {
        let scheduler = Arc::new(make());
        let (mut looker, mut pusher) = (scheduler.attach(1), scheduler.attach(2));
        let asleep = Arc::new(AtomicBool::new(false));
        let announced = Arc::clone(&asleep);
        let shared = Arc::clone(&scheduler);
        let submitter = thread::spawn(move || {
            submit(&shared, &mut pusher);
            if !is_ordered {
                fence(Ordering::SeqCst);
            }
            // The worker stays: one that leaves gives back what it holds, and that is another matter.
            (announced.load(Ordering::Relaxed), pusher)
        });
        asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let seen = sees(&scheduler, &mut looker);
        let (told, _pusher) = submitter.join().unwrap();
        assert!(seen || told, "laws 2 and 3: a worker sleeps beside an item, and its submitter does not know");
    });
}

/// Two threads submit if they are admitted: none is asked while the other is, if it is asked alone.
pub fn one_is_asked_at_a_time<S: Scheduler<u32> + 'static>(make: impl Fn() -> S + Send + Sync + 'static) {
    struct Asking(Arc<AtomicUsize>);
    impl Admission for Asking {
        fn ask(self) -> bool {
            self.0.fetch_add(1, Ordering::Relaxed);
            true
        }
        fn ask_alone(self) -> bool {
            let before = self.0.load(Ordering::Relaxed);
            self.0.store(before + 1, Ordering::Relaxed);
            true
        }
    }
    loom::model(move || {
        let scheduler = Arc::new(make());
        let asked = Arc::new(AtomicUsize::new(0));
        let submit = |item| {
            let (scheduler, asked) = (Arc::clone(&scheduler), Asking(Arc::clone(&asked)));
            move || assert_eq!(scheduler.inject_if(item, S::Hint::default(), asked), Ok(()))
        };
        let other = thread::spawn(submit(1));
        submit(2)();
        other.join().unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 2, "law 1: an admission that was not counted");
    });
}
