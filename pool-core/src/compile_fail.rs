//! What must not compile: tasks that borrow too much, and what may not go to another thread.
//!
//! A task of `execute` or `spawn` may outlive the caller, so it borrows nothing.
//!
//! ```compile_fail,E0373
//! let pool = pool_core::doc_toy::Pool::new();
//! let number = 5;
//! pool.execute(|| println!("{number}"));
//! ```
//! ```compile_fail,E0597
//! let pool = pool_core::doc_toy::Pool::new();
//! let number = 5;
//! let borrowed = &number;
//! let handle = pool.spawn(move || *borrowed + 1);
//! ```
//! ```compile_fail,E0597
//! let pool = pool_core::doc_toy::Pool::new();
//! let number = 5;
//! let handle = pool.spawn({
//!     let borrowed = &number;
//!     move || borrowed
//! });
//! ```
//! ```compile_fail,E0373
//! let number = 5;
//! pool_core::execute(|| println!("{number}"));
//! ```
//!
//! Closures and results go to another thread.
//!
//! ```compile_fail,E0277
//! let pool = pool_core::doc_toy::Pool::new();
//! let shared = std::rc::Rc::new(5);
//! pool.execute(move || println!("{shared}"));
//! ```
//! ```compile_fail,E0277
//! let pool = pool_core::doc_toy::Pool::new();
//! let handle = pool.spawn(|| std::rc::Rc::new(5));
//! ```
//! ```compile_fail,E0277
//! let pool = pool_core::doc_toy::Pool::new();
//! let shared = pool.install(|| std::rc::Rc::new(5));
//! ```
//! ```compile_fail,E0277
//! let pool = pool_core::doc_toy::Pool::new();
//! let cell = std::cell::Cell::new(5);
//! pool.join(|| cell.set(1), || cell.set(2));
//! ```
//! ```compile_fail,E0277
//! let cell = std::cell::Cell::new(5);
//! pool_core::join(|| (), || cell.set(2));
//! ```
//! ```compile_fail,E0277
//! pool_core::join(|| std::rc::Rc::new(5), || ());
//! ```
//! ```compile_fail,E0277
//! let shared = std::rc::Rc::new(5);
//! pool_core::scope(|s| s.spawn(|_| println!("{shared}")));
//! ```
//! ```compile_fail,E0277
//! let pool = pool_core::doc_toy::Pool::new();
//! let shared = std::rc::Rc::new(5);
//! pool.scope(|_| println!("{shared}"));
//! ```
//!
//! The halves of a `join`, and the tasks of a scope, do not change the same thing.
//!
//! ```compile_fail,E0499
//! let mut list = vec![1];
//! pool_core::join(|| list.push(2), || list.push(3));
//! ```
//! ```compile_fail,E0502
//! let mut list = vec![1];
//! pool_core::join(|| list.len(), || list.push(3));
//! ```
//! ```compile_fail,E0499
//! let mut list = vec![1];
//! pool_core::scope(|s| {
//!     s.spawn(|_| list.push(2));
//!     s.spawn(|_| list.push(3));
//! });
//! ```
//!
//! A task of a scope borrows only what outlives the scope, which a variable of the scope's own closure does not.
//!
//! ```compile_fail,E0373
//! pool_core::scope(|s| {
//!     let number = 5;
//!     s.spawn(|_| println!("{number}"));
//! });
//! ```
//! ```compile_fail,E0597
//! pool_core::scope(|s| {
//!     let number = 5;
//!     let borrowed = &number;
//!     s.spawn(move |_| println!("{borrowed}"));
//! });
//! ```
//!
//! A scope does not leave its closure.
//!
//! ```compile_fail,E0521
//! let mut kept = None;
//! pool_core::scope(|s| kept = Some(s));
//! ```
//! ```compile_fail,E0505
//! let list = vec![1];
//! pool_core::scope(|s| {
//!     s.spawn(|_| println!("{list:?}"));
//!     drop(list);
//! });
//! ```
