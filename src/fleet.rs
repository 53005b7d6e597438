//! Many machines at once: one task each, a bounded number at a time, all joined.

use std::future::Future;

use remote::engine::Host;
use tokio::task::JoinSet;

/// As [`each`], for hosts; afterwards the connections to jump hosts, which they share, are closed.
pub(crate) async fn hosts<Output, Work, Doing>(hosts: Vec<Host>, parallel: usize, work: Work) -> Vec<Option<Output>>
where
    Work: Fn(usize, Host) -> Doing,
    Doing: Future<Output = Output> + Send + 'static,
    Output: Send + 'static,
{
    let jump_hosts = hosts.first().map(|host| host.target.jump_hosts.clone());
    let results = each(hosts, parallel, work).await;
    if let Some(jump_hosts) = jump_hosts {
        jump_hosts.close().await;
    }
    results
}

/// Does `work` for each item, at most `parallel` at a time; the results come in the order of the items. A task that panics has
/// no result: the others go on.
pub(crate) async fn each<Item, Output, Work, Doing>(items: Vec<Item>, parallel: usize, work: Work) -> Vec<Option<Output>>
where
    Work: Fn(usize, Item) -> Doing,
    Doing: Future<Output = Output> + Send + 'static,
    Output: Send + 'static,
{
    let mut results: Vec<_> = items.iter().map(|_| None).collect();
    let mut tasks = JoinSet::new();
    let mut waiting = items.into_iter().enumerate();
    loop {
        while tasks.len() < parallel {
            let Some((index, item)) = waiting.next() else { break };
            let doing = work(index, item);
            tasks.spawn(async move { (index, doing.await) });
        }
        match tasks.join_next().await {
            Some(Ok((index, output))) => {
                if let Some(result) = results.get_mut(index) {
                    *result = Some(output);
                }
            }
            Some(Err(_)) => {}
            None => return results,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::each;

    #[tokio::test]
    async fn results_are_in_order_and_never_too_many_run() {
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let results = each((0..50_u32).collect(), 7, |_, item| {
            let (running, most) = (running.clone(), most.clone());
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::SeqCst);
                item * 2
            }
        })
        .await;
        assert_eq!(results, (0..50).map(|item| Some(item * 2)).collect::<Vec<_>>());
        assert!(most.load(Ordering::SeqCst) <= 7);
    }

    #[tokio::test]
    async fn one_panic_is_not_the_end_of_the_others() {
        let results = each(vec![0, 1, 2], 3, |_, item| async move {
            assert_ne!(item, 1, "on purpose");
            item
        })
        .await;
        assert_eq!(results, [Some(0), None, Some(2)]);
    }
}
