use super::*;

/// Lloyd's steps as anybody would write them, on rows that are scaled already.
fn lloyd(rows: &[Vec<f64>], initial: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut centres = initial.to_vec();
    for _ in 0..300 {
        let mut sums = vec![(vec![0.0; centres[0].len()], 0.0); centres.len()];
        for row in rows {
            let far = |centre: &Vec<f64>| {
                let off = row
                    .iter()
                    .zip(centre)
                    .map(|(one, other)| (one - other).powi(2));
                off.sum::<f64>()
            };
            let nearest = (0..centres.len())
                .min_by(|one, other| far(&centres[*one]).total_cmp(&far(&centres[*other])));
            let (sum, count) = &mut sums[nearest.unwrap()];
            sum.iter_mut()
                .zip(row)
                .for_each(|(sum, value)| *sum += value);
            *count += 1.0;
        }
        let next = sums
            .into_iter()
            .zip(&centres)
            .map(|((sum, count), centre)| match count {
                0.0 => centre.clone(),
                count => sum.iter().map(|sum| sum / count).collect(),
            });
        let next = next.collect::<Vec<_>>();
        let is_still = next == centres;
        centres = next;
        if is_still {
            break;
        }
    }
    centres
}

/// So many rows of two features, spread evenly: clusters touch each other, and many rows are near a border.
fn spread(count: usize, seed: u64) -> Vec<f64> {
    let mut random = Random::of(seed, &[]);
    (0..2 * count).map(|_| random.unit()).collect()
}

/// So many rows around each of these places.
fn planted(places: &[[f64; 2]], count: usize) -> Vec<f64> {
    let mut random = Random::of(11, &[]);
    let rows = (0..count).flat_map(|_| places.iter().copied());
    let rows = rows.collect::<Vec<_>>().into_iter();
    let near = rows.flat_map(|place| place.map(|at| at + random.unit() - 0.5));
    near.collect()
}

fn fit(rows: &[f64], clusters: usize, seed: u64) -> (KMeans, Vec<f64>) {
    KMeans::fit(rows.to_vec(), 2, clusters, &mut Random::of(seed, &[])).unwrap()
}

fn farthest(one: &[Vec<f64>], other: &[Vec<f64>]) -> f64 {
    let pairs = one.concat().into_iter().zip(other.concat());
    pairs
        .map(|(one, other)| (one - other).abs())
        .fold(0.0, f64::max)
}

#[test]
fn planted_clusters_are_found_where_they_are() {
    let places = [[0.0, 0.0], [10.0, 100.0], [50.0, 20.0]];
    let (fitted, distances) = fit(&planted(&places, 500), 3, 1);
    assert_eq!(fitted.rows, [500, 500, 500]);
    for place in places {
        let (cluster, far) = fitted.judge(&place);
        let centre = fitted.centres[cluster].iter().zip(&fitted.scaling);
        let centre = centre.map(|(at, scaling)| at * scaling.scale + scaling.mean);
        let off = centre
            .zip(place)
            .map(|(centre, place)| (centre - place).abs());
        assert!(off.fold(0.0, f64::max) < 0.1 && far < 0.1, "{place:?}");
    }
    assert_eq!(distances.len(), 1_500);
    assert!(distances.iter().all(|far| *far < 0.1));
}

#[test]
fn from_the_same_centres_it_comes_to_those_of_lloyd_s_steps() {
    for (rows, clusters) in [
        (planted(&[[0.0, 0.0], [3.0, 1.0], [1.0, 2.0]], 300), 3),
        (spread(20_000, 3), 3),
        (spread(5_000, 4), 8),
        // Here the library's own steps end elsewhere, as they count a centre as one more row.
        (spread(1_000, 23), 5),
    ] {
        let (fitted, _) = fit(&rows, clusters, 9);
        let scaled = rows.chunks_exact(2).map(|row| {
            let scaled = row.iter().zip(&fitted.scaling);
            scaled
                .map(|(value, scaling)| scaling.scaled(*value))
                .collect()
        });
        let expected = lloyd(&scaled.collect::<Vec<Vec<f64>>>(), &fitted.initial);
        let off = farthest(&fitted.centres, &expected);
        assert!(
            off < 1e-6,
            "{clusters} clusters: {off} after {} steps",
            fitted.steps
        );
    }
}

#[test]
fn the_same_seed_gives_the_same_clusters_and_another_one_begins_elsewhere() {
    let rows = spread(2_000, 5);
    let text = |fitted: &KMeans| serde_json::to_string(fitted).unwrap();
    assert_eq!(text(&fit(&rows, 4, 1).0), text(&fit(&rows, 4, 1).0));
    assert_ne!(fit(&rows, 4, 1).0.initial, fit(&rows, 4, 2).0.initial);
    let read = serde_json::from_str::<KMeans>(&text(&fit(&rows, 4, 1).0)).unwrap();
    assert_eq!(read, fit(&rows, 4, 1).0);
    assert!(read.is_valid(2) && !read.is_valid(3));
}

#[test]
fn fewer_different_rows_than_clusters_are_as_many_clusters() {
    let rows = [1.0, 5.0, 2.0, 5.0].repeat(50);
    let (fitted, distances) = fit(&rows, 3, 1);
    assert_eq!((fitted.centres.len(), fitted.rows.len()), (2, 2));
    assert!(distances.iter().all(|far| *far < 1e-12), "{distances:?}");
    let (fitted, distances) = fit(&[7.0, 7.0], 3, 1);
    assert_eq!((fitted.centres.len(), distances), (1, vec![0.0]));
}

#[test]
fn a_cluster_that_loses_all_of_its_rows_stays_where_it_is() {
    // The one in the middle is left by all: the others come to both of its rows.
    let rows = Array2::from_shape_vec((4, 1), vec![0.0, 1.0, 2.0, 3.0]).unwrap();
    let initial = [vec![0.4], vec![100.0], vec![2.6]];
    let (centres, counts, _, _) = converge(rows, &initial).unwrap();
    assert_eq!(counts, [2, 0, 2]);
    assert!(farthest(&centres, &[vec![0.5], vec![100.0], vec![2.5]]) < 1e-12);
}

#[test]
fn centres_begin_at_different_rows_of_all_clusters() {
    let places = [
        [0.0, 0.0],
        [1_000.0, 0.0],
        [0.0, 1_000.0],
        [1_000.0, 1_000.0],
    ];
    let rows = planted(&places, 100);
    for seed in 0..20 {
        let begun = plus_plus(&rows, 2, 4, &mut Random::of(seed, &[]));
        let corners = begun.iter().map(|at| (at[0] > 500.0, at[1] > 500.0));
        let corners = corners.collect::<std::collections::BTreeSet<_>>();
        assert_eq!(corners.len(), 4, "{seed}: {begun:?}");
    }
}
