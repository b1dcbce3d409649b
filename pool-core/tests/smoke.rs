//! smoke
use pool_core::doc_toy::Pool;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn fib(n: u32) -> u64 {
    if n < 2 {
        return u64::from(n);
    }
    let (a, b) = pool_core::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

#[test]
fn smoke() {
    for workers in [1, 2, 8] {
        let pool = Pool::builder().workers(workers).build().unwrap();
        let n = Arc::new(AtomicUsize::new(0));
        for _ in 0..100_000 {
            let n = n.clone();
            pool.execute(move || {
                n.fetch_add(1, Ordering::Relaxed);
            });
        }
        pool.wait_idle();
        assert_eq!(n.load(Ordering::Relaxed), 100_000);
        let h = pool.spawn(|| 5);
        assert_eq!(h.join().unwrap(), 5);
        let t = std::time::Instant::now();
        assert_eq!(pool.install(|| fib(27)), 196418);
        println!("fib {:?}", t.elapsed());
        let t = std::time::Instant::now();
        for i in 0..10000 {
            assert_eq!(pool.spawn(move || i).join().unwrap(), i);
        }
        println!("rt {:?}", t.elapsed());
        let mut parts = vec![0; 1000];
        pool.scope(|s| {
            for (i, p) in parts.iter_mut().enumerate() {
                s.spawn(move |s| {
                    *p = i;
                    s.spawn(move |_| *p += 1);
                });
            }
        });
        assert!(parts.iter().enumerate().all(|(i, p)| *p == i + 1));
        println!("{:?}", pool.metrics());
        assert!(pool.metrics().is_balanced());
        pool.shutdown().unwrap();
        println!("{:?}", pool.metrics());
        assert!(pool.try_execute(|| ()).is_err());
    }
}
