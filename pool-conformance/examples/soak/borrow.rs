//! Calls that wait for what they are given, and borrow: `install`, `join`, `scope`, the loops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};

use pool_core::{Execute, join};

use crate::books::{CANCELLED, COMPLETED, PANICKED, REJECTED, Ticket, quietly, throw};
use crate::rng::Rng;
use crate::steps;
use crate::world::{Soaked, World, count};

/// What such a call does first on the worker that it came to.
type Begun<'a> = &'a (dyn Fn() + Sync);

/// Makes the call `f`, which is one task of the pool if it comes from outside.
fn ask<S: Soaked, R>(world: &World<S>, f: impl FnOnce(Begun<'_>) -> R) -> Option<R> {
    let books = &world.books;
    let has_begun = AtomicBool::new(false);
    let is_outside = !books.is_own_worker();
    let result = quietly(|| {
        f(&|| {
            has_begun.store(true, SeqCst);
            if !books.is_own_worker() {
                books.fault("a part of a call ran on a thread that is no worker".into());
            }
        })
    });
    if is_outside {
        books.enter(match (has_begun.into_inner(), result.is_some()) {
            (true, true) => COMPLETED,
            (true, false) => PANICKED,
            (false, false) if books.is_now.load(SeqCst) => REJECTED | CANCELLED,
            (false, false) => {
                if !books.is_closed.load(SeqCst) {
                    books.fault("an open pool refused a call that waits".into());
                }
                REJECTED
            }
            (false, true) => {
                books.fault("a call returned and has not begun".into());
                COMPLETED
            }
        });
    }
    result
}

pub(crate) fn step<S: Soaked>(world: &Arc<World<S>>, rng: &mut Rng, depth: u32) {
    let Some(pool) = world.pool() else { return };
    let throws = rng.once_in(8);
    let len = rng.between(1, 40);
    let bad = rng.below(len as u64) as usize;
    match rng.below(10) {
        0 => {
            count("install", 1);
            let seed = rng.next();
            ask(world, |begun| {
                pool.install(|| {
                    begun();
                    within_the_pool(world, seed, depth, throws);
                });
            });
        }
        1 => {
            count("install on &dyn Execute", 1);
            let (any, seed): (&dyn Execute, _) = (&*pool, rng.next());
            ask(world, |begun| {
                any.install(|| {
                    begun();
                    within_the_pool(world, seed, depth, throws);
                });
            });
        }
        2 | 3 => {
            count("join", 1);
            let bad = throws.then_some(bad as u64);
            let sum = ask(world, |begun| {
                pool.join(
                    || {
                        begun();
                        sum(0, 32, bad)
                    },
                    || sum(32, 64, None),
                )
            });
            assert_or_fault(world, sum.is_none_or(|(a, b)| a + b == 64 * 63 / 2), "a join");
        }
        4 | 5 => scope(world, &pool, rng, depth, throws),
        6 => {
            count("for_each", 1);
            let calls: Vec<_> = (0..len).map(|_| AtomicU8::new(0)).collect();
            let whole = ask(world, |begun| {
                pool.for_each(0..len, |i| {
                    begun();
                    calls[i].fetch_add(1, SeqCst);
                    if throws && i == bad {
                        throw();
                    }
                });
            });
            let once = calls.into_iter().map(AtomicU8::into_inner).all(|n| n == 1 || n == 0 && whole.is_none());
            assert_or_fault(world, once, "for_each");
        }
        7 => {
            count("for_each_mut", 1);
            let mut slice: Vec<_> = (0..len).collect();
            let whole = ask(world, |begun| {
                pool.for_each_mut(&mut slice, |n| {
                    begun();
                    *n += 1;
                    if throws && *n == bad {
                        throw();
                    }
                });
            });
            assert_or_fault(world, whole.is_none() || slice.into_iter().eq(1..=len), "for_each_mut");
        }
        8 => {
            count("map_reduce", 1);
            let map = |begun: Begun<'_>, i| {
                begun();
                if throws && i == bad { throw() } else { i }
            };
            let sum = ask(world, |begun| pool.map_reduce(0..len, |i| map(begun, i), |a, b| a + b));
            assert_or_fault(world, sum.is_none_or(|sum| sum == Some(len * (len - 1) / 2)), "map_reduce");
        }
        _ => early(world, &pool, rng, len, bad),
    }
}

fn assert_or_fault<S: Soaked>(world: &World<S>, is_right: bool, what: &str) {
    if !is_right {
        world.books.fault(format!("{what} has a wrong result"));
    }
}

/// What runs inside an `install`: steps as a task makes them.
fn within_the_pool<S: Soaked>(world: &Arc<World<S>>, seed: u64, depth: u32, throws: bool) {
    let mut rng = Rng::new(seed);
    if depth > 0 {
        steps::step(world, &mut rng, depth - 1);
    }
    if throws {
        throw();
    }
}

/// The sum of a range, with a join at each node.
fn sum(from: u64, to: u64, bad: Option<u64>) -> u64 {
    if to - from == 1 {
        if bad == Some(from) {
            throw();
        }
        return from;
    }
    let middle = from.midpoint(to);
    let (a, b) = join(|| sum(from, middle, bad), || sum(middle, to, bad));
    a + b
}

fn scope<S: Soaked>(world: &Arc<World<S>>, pool: &pool_core::Pool<S>, rng: &mut Rng, depth: u32, throws: bool) {
    count("scope", 1);
    let (len, seed) = (rng.between(0, 6), rng.next());
    let ran = AtomicU8::new(0);
    let (ran_in, books) = (&ran, &world.books);
    let whole = ask(world, |begun| {
        pool.scope(|scope| {
            begun();
            for i in 0..len {
                let (ticket, inner) = (Ticket::new(books), Ticket::new(books));
                scope.spawn(move |scope| {
                    ticket.run(|| {
                        ran_in.fetch_add(1, SeqCst);
                        scope.spawn(move |_| {
                            inner.run(|| {
                                ran_in.fetch_add(1, SeqCst);
                            });
                        });
                        if throws && i == 0 {
                            throw();
                        }
                        if i == 1 {
                            within_the_pool(world, seed, depth, false);
                        }
                    });
                });
            }
        });
    });
    let all = whole.is_none() || ran.into_inner() as usize == 2 * len;
    assert_or_fault(world, all, "a scope");
}

/// Loops that end before their range does.
fn early<S: Soaked>(world: &World<S>, pool: &pool_core::Pool<S>, rng: &mut Rng, len: usize, bad: usize) {
    let is_there = rng.once_in(2);
    let is_it = |i| is_there && i == bad;
    match rng.below(3) {
        0 => {
            count("try_for_each", 1);
            let result = ask(world, |begun| {
                pool.try_for_each(0..len, |i| {
                    begun();
                    if is_it(i) { Err(i) } else { Ok(()) }
                })
            });
            assert_or_fault(
                world,
                result.is_none_or(|r| r == if is_there { Err(bad) } else { Ok(()) }),
                "try_for_each",
            );
        }
        1 => {
            count("find_any", 1);
            let found = ask(world, |begun| {
                pool.find_any(0..len, |i| {
                    begun();
                    is_it(i) || is_it(i.wrapping_sub(1))
                })
            });
            let is_right = match found {
                None => true,
                Some(Some(i)) => is_there && (i == bad || i == bad + 1),
                Some(None) => !is_there,
            };
            assert_or_fault(world, is_right, "find_any");
        }
        _ => {
            count("find_first", 1);
            let found = ask(world, |begun| {
                pool.find_first(0..len, |i| {
                    begun();
                    is_there && i >= bad
                })
            });
            assert_or_fault(world, found.is_none_or(|found| found == is_there.then_some(bad)), "find_first");
        }
    }
}
