//! The memory is divided among the clients that there are.

use std::collections::BTreeMap;

use archiver_format::position::{Position, Positions};

use super::{LONG, PARTITIONS, Seats, Taken, archives, in_runtime, mock, seats, take, value};
use crate::source::cluster::{Cluster, Fetched};
use crate::source::kafka::Seat;

async fn divisions(seats: &[&Seat]) -> Vec<u32> {
    let mut all = Vec::new();
    for seat in seats {
        all.extend(seat.lane().divisions().await);
    }
    all
}

#[test]
fn who_reads_reads_on_through_clients_with_a_smaller_share_when_there_come_to_be_more() {
    const RECORDS: usize = 1_000;
    let mock = mock(&["t"], RECORDS);
    in_runtime(async {
        let Seats { clusters, seats } = seats(&mock, &["t"], &[]);
        let from = (0..PARTITIONS)
            .map(|partition| (partition, Position::default()))
            .collect::<Positions>();
        let mut reader = seats[0].reader("t", &from).await.expect("a reader");
        let mut taken = Taken::new();
        let count = |taken: &Taken| taken.values().map(Vec::len).sum::<usize>();
        take(&mut reader, &mut taken, |taken| count(taken) > 500).await;
        assert_eq!(divisions(&[&seats[0]]).await, [2, 2]);
        let mut others = Vec::new();
        for lanes in 2..=5 {
            others.extend(clusters.seats(&archives(&mock, &["t"], &[])));
            let of_all = (2 * lanes as u32).next_power_of_two();
            let own = || async { divisions(&[&seats[0]]).await };
            let deadline = tokio::time::Instant::now() + LONG;
            while own().await != [of_all, of_all] {
                assert!(tokio::time::Instant::now() < deadline, "{:?}", own().await);
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            let before = count(&taken);
            take(&mut reader, &mut taken, |taken| count(taken) > before + 300).await;
        }
        let all = [&seats[0]].into_iter().chain(&others).collect::<Vec<_>>();
        for seat in &others {
            drop(seat.reader("t", &from).await.expect("a reader"));
        }
        let together = divisions(&all)
            .await
            .into_iter()
            .map(|of| 1.0 / f64::from(of));
        assert!(together.sum::<f64>() <= 1.0, "{:?}", divisions(&all).await);
        take(&mut reader, &mut taken, |taken| count(taken) == 3 * RECORDS).await;
        let produced = |partition| (0..RECORDS).map(move |number| value(partition, number));
        let produced = (0..PARTITIONS).map(|p| (p, produced(p).collect::<Vec<_>>()));
        assert!(taken == produced.collect::<BTreeMap<_, _>>());
        // Ends of partitions may come behind the last records.
        let mut end = |fetched: Fetched<'_>| assert!(matches!(fetched, Fetched::End(..)));
        let deadline = tokio::time::Instant::now() + LONG;
        while reader.waiting() > 0 {
            reader.take(50, &mut end);
            assert!(tokio::time::Instant::now() < deadline, "they stay");
        }
    });
}
