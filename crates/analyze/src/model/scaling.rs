//! Features in units of their own deviation, so that none counts more than another because of its unit.

use serde::{Deserialize, Serialize};

/// How a feature is scaled: the mean is taken off, and the rest is divided by the scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The mean of the feature.
    pub mean: f64,
    /// Its standard deviation, of the population: squares are divided by the number of rows, as scikit-learn's
    /// `StandardScaler` does. 1 for a feature that is always the same.
    pub scale: f64,
}

impl Scaling {
    /// That of each feature of rows, which stand one behind the other with so many features each.
    pub fn of(rows: &[f64], features: usize) -> Vec<Self> {
        (0..features)
            .map(|number| {
                let values = || rows.iter().skip(number).step_by(features).copied();
                Self::of_feature(values)
            })
            .collect()
    }

    fn of_feature<I: Iterator<Item = f64>>(values: impl Fn() -> I) -> Self {
        let first = values().next().unwrap_or_default();
        if values().all(|value| value == first) {
            return Self {
                mean: first,
                scale: 1.0,
            };
        }
        let count = values().count() as f64;
        let mean = values().map(|value| value / count).sum::<f64>();
        // What the mean lacks of digits is taken off again (Chan, Golub and LeVeque, 1983).
        let (squares, off) = values().fold((0.0, 0.0), |(squares, off), value| {
            let from_mean = value - mean;
            (squares + from_mean * from_mean, off + from_mean)
        });
        let variance = (squares - off * off / count) / count;
        let scale = variance.sqrt();
        Self {
            mean,
            // Values that differ by less than their digits.
            scale: if scale > 0.0 { scale } else { 1.0 },
        }
    }

    /// A value, scaled.
    pub fn scaled(self, value: f64) -> f64 {
        (value - self.mean) / self.scale
    }

    /// Scales all rows where they stand.
    pub fn scale_all(scalings: &[Self], rows: &mut [f64]) {
        for row in rows.chunks_exact_mut(scalings.len().max(1)) {
            for (value, scaling) in row.iter_mut().zip(scalings) {
                *value = scaling.scaled(*value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_have_a_mean_of_0_and_a_deviation_of_1_and_a_constant_one_is_0() {
        let mut rows = vec![1.0, 7.0, 3.0, 7.0, 5.0, 7.0, 7.0, 7.0];
        let scalings = Scaling::of(&rows, 2);
        assert_eq!(scalings[0].mean, 4.0);
        assert!((scalings[0].scale - 5.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!((scalings[1].mean, scalings[1].scale), (7.0, 1.0));
        Scaling::scale_all(&scalings, &mut rows);
        let of = |number: usize| rows.iter().skip(number).step_by(2);
        assert!(of(0).sum::<f64>().abs() < 1e-12);
        assert!((of(0).map(|v| v * v).sum::<f64>() - 4.0).abs() < 1e-12);
        assert!(of(1).all(|value| *value == 0.0));
    }

    #[test]
    fn large_values_close_together_keep_their_digits() {
        let rows = (0..1_000)
            .map(|n| 1e9 + f64::from(n % 2))
            .collect::<Vec<_>>();
        let scaling = Scaling::of(&rows, 1)[0];
        assert!((scaling.scale - 0.5).abs() < 1e-6, "{scaling:?}");
        let rows = [1e150, -1e150];
        let scaling = Scaling::of(&rows, 1)[0];
        assert!((scaling.scaled(1e150) - 1.0).abs() < 1e-12, "{scaling:?}");
    }
}
