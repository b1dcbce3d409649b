use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use pool_core::strategy::{Scheduler, Worker};

use super::gate::{Gate, alone};
use super::rng::Rng;
use crate::{Law, Violation};

const ROUNDS: usize = 20_000;

/// What one worker does while another looks: calls that may move items from one place to another.
#[derive(Clone, Copy, Debug)]
enum Move {
    Next,
    Retire,
    NextAndRetire,
    Push,
}

const MOVES: [Move; 4] = [Move::Next, Move::Retire, Move::NextAndRetire, Move::Push];

/// What round `round` does: the same for both threads, without a word between them.
struct Round {
    moving: Move,
    injected: usize,
    pushed: usize,
}

impl Round {
    fn new(round: usize) -> Self {
        let mut rng = Rng::new(round as u64);
        Self { moving: MOVES[round % MOVES.len()], injected: rng.below(6), pushed: rng.below(3) }
    }

    /// How many items wait from the beginning of the round to its end, if only the mover takes any.
    fn rest(&self) -> usize {
        let taken = matches!(self.moving, Move::Next | Move::NextAndRetire);
        (self.injected + self.pushed).saturating_sub(usize::from(taken))
    }

    /// `got` items were taken by the look, `left` could be had right after, and `kept` only once the mover had left.
    fn judge(
        &self,
        said_empty: bool,
        saw_nothing: bool,
        got: usize,
        left: usize,
        kept: usize,
    ) -> Result<(), Violation> {
        let Self { moving, injected, pushed } = self;
        let during = format!("{injected} items from outside and {pushed} of a worker waited, and it called {moving:?}");
        let pushes = matches!(moving, Move::Push);
        // What does not turn up at all is gone, and other checks say so.
        let overlooked = self.rest() > 0 && left + kept > usize::from(pushes);
        if said_empty && overlooked {
            return Err(Violation::new(Law::EmptyAgrees, format!("{during}: is_empty said true")));
        }
        if saw_nothing && overlooked {
            return Err(Violation::new(Law::NothingHides, format!("{during}: next saw nothing")));
        }
        let (waited, out) = (self.rest() + 1, got + left);
        if pushes && out + kept != waited {
            return Err(Violation::new(Law::ExactlyOnce, format!("{during}: of {waited}, {} came out", out + kept)));
        }
        if pushes && kept > 0 {
            return Err(Violation::new(Law::NothingHides, format!("{during}: {kept} were kept from the others")));
        }
        Ok(())
    }
}

/// A worker moves items from place to place, as taking in batches and leaving may do, and at the same instant another
/// looks: with `is_empty`, or with one call of `next`. Whatever is on the move, it must not be told that nothing waits.
/// Laws 2 and 3.
pub fn shuttles<S: Scheduler<u64>>(make: impl Fn() -> S) -> Result<(), Violation> {
    let _alone = alone();
    let scheduler = Arc::new(make());
    let (gate, failed) = (Gate::new(2), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let _watch = gate.watch();
            for round in (0..ROUNDS).map(Round::new) {
                move_things(&scheduler, &gate, &round);
                gate.pass();
                if failed.load(Ordering::Acquire) {
                    break;
                }
            }
        });
        let _watch = gate.watch();
        let mut looker = scheduler.attach(1);
        let mut rng = Rng::new(1);
        for (number, round) in (0..ROUNDS).map(Round::new).enumerate() {
            let verdict = look(&scheduler, &mut looker, &gate, &round, number % 3 == 0, rng.below(200));
            if verdict.is_err() {
                failed.store(true, Ordering::Release);
                gate.pass();
                return verdict;
            }
            gate.pass();
        }
        Ok(())
    })
}

fn move_things<S: Scheduler<u64>>(scheduler: &Arc<S>, gate: &Gate, round: &Round) {
    let mut worker = scheduler.attach(2);
    for item in 0..round.pushed {
        worker.push(item as u64, None);
    }
    gate.pass();
    let stays = match round.moving {
        Move::Next => {
            worker.next();
            Some(worker)
        }
        Move::Push => {
            worker.push(9, None);
            Some(worker)
        }
        Move::Retire => {
            worker.retire();
            None
        }
        Move::NextAndRetire => {
            worker.next();
            worker.retire();
            None
        }
    };
    gate.pass();
    // It stays while the other takes what it can get at, and leaves before the next round.
    gate.pass();
    drop(stays);
    gate.pass();
}

fn look<S: Scheduler<u64>>(
    scheduler: &Arc<S>,
    looker: &mut S::Worker,
    gate: &Gate,
    round: &Round,
    ask: bool,
    delay: usize,
) -> Result<(), Violation> {
    for item in 0..round.injected {
        scheduler.inject(item as u64, None);
    }
    gate.pass();
    (0..delay).for_each(|_| spin_loop());
    let (mut said_empty, mut saw_nothing) = (false, false);
    if ask {
        said_empty = (0..4).any(|_| scheduler.is_empty());
    } else {
        saw_nothing = looker.next().is_none();
    }
    gate.pass();
    let left = std::iter::from_fn(|| looker.next()).count();
    gate.pass();
    // The mover has left; what it kept from others, if anything, is out now.
    gate.pass();
    let kept = std::iter::from_fn(|| looker.next()).count();
    round.judge(said_empty, saw_nothing, usize::from(!ask && !saw_nothing), left, kept)
}
