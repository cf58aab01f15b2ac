//! A constant-velocity Kalman filter for one coordinate, and four of them for a box.

use chrono::{DateTime, Utc};

use super::tracker::seconds;

/// Position and velocity with their covariance; units of the coordinate, and per second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kalman {
    position: f32,
    velocity: f32,
    /// Variance of the position, covariance, variance of the velocity.
    covariance: [f32; 3],
}

impl Kalman {
    /// Starts at a measured position; `sigma` is the measurement's standard deviation.
    fn new(position: f32, sigma: f32) -> Self {
        // A velocity of ten sigmas a second is nothing unusual: a face that walks by.
        Self {
            position,
            velocity: 0.0,
            covariance: [sigma * sigma, 0.0, (10.0 * sigma).powi(2)],
        }
    }

    /// Where it is now.
    fn position(&self) -> f32 {
        self.position
    }

    /// Lets `dt` seconds pass. `acceleration` is the standard deviation of what may have happened meanwhile.
    fn predict(&mut self, dt: f32, acceleration: f32) {
        let [p, c, v] = self.covariance;
        let q = acceleration * acceleration;
        self.position += self.velocity * dt;
        self.covariance = [
            p + 2.0 * dt * c + dt * dt * v + q * dt.powi(4) / 4.0,
            c + dt * v + q * dt.powi(3) / 2.0,
            v + q * dt * dt,
        ];
    }

    /// Takes a measurement with this standard deviation in.
    fn update(&mut self, measured: f32, sigma: f32) {
        let [p, c, v] = self.covariance;
        let (gain_p, gain_v) = (p / (p + sigma * sigma), c / (p + sigma * sigma));
        let innovation = measured - self.position;
        self.position += gain_p * innovation;
        self.velocity += gain_v * innovation;
        self.covariance = [(1.0 - gain_p) * p, (1.0 - gain_p) * c, v - gain_v * c];
    }
}

/// Standard deviations of what may happen to a box within a second squared, in sizes of the box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agility {
    /// Of its centre.
    pub(super) centre: f32,
    /// Of its width and height.
    pub(super) size: f32,
}

/// A box that is followed: its centre and its size, each with its velocity.
#[derive(Clone, Debug)]
pub(super) struct BoxFilter {
    /// Centre across and down, width, height.
    axes: [Kalman; 4],
    predicted_at: DateTime<Utc>,
}

impl BoxFilter {
    /// Starts at a measured box (left, top, width, height).
    pub(super) fn new(bounds: [f32; 4], now: DateTime<Utc>) -> Self {
        let sigma = measurement_sigma(bounds);
        Self {
            axes: middle_and_size(bounds).map(|value| Kalman::new(value, sigma)),
            predicted_at: now,
        }
    }

    /// Where it is expected (or was just found): left, top, width, height.
    pub(super) fn bounds(&self) -> [f32; 4] {
        let [cx, cy, w, h] = self.axes.map(|axis| axis.position());
        let (w, h) = (w.max(1.0), h.max(1.0));
        [cx - w / 2.0, cy - h / 2.0, w, h]
    }

    /// The velocity of its centre, in pixels a second.
    pub(super) fn velocity(&self) -> [f32; 2] {
        [self.axes[0].velocity, self.axes[1].velocity]
    }

    /// It is where it was.
    pub(super) fn hold(&mut self, now: DateTime<Utc>) {
        self.predicted_at = now;
    }

    /// Lets time pass until `now`. What has not been found again lately has likely stopped or turned.
    pub(super) fn predict(&mut self, agility: Agility, lost: bool, now: DateTime<Utc>) {
        let dt = seconds(now - self.predicted_at).clamp(0.0, 1.0);
        self.predicted_at = now;
        let [_, _, w, h] = self.bounds();
        let size = (w * h).sqrt();
        for (i, axis) in self.axes.iter_mut().enumerate() {
            axis.predict(dt, if i < 2 { agility.centre } else { agility.size } * size);
            if lost {
                // Somebody who goes behind something gets narrower before they are lost, but not for ever.
                axis.velocity *= if i < 2 { 0.7f32.powf(dt * 10.0) } else { 0.0 };
            }
        }
    }

    /// Takes a measured box in.
    pub(super) fn update(&mut self, bounds: [f32; 4]) {
        let sigma = measurement_sigma(bounds);
        for (axis, measured) in self.axes.iter_mut().zip(middle_and_size(bounds)) {
            axis.update(measured, sigma);
        }
    }
}

fn middle_and_size([x, y, w, h]: [f32; 4]) -> [f32; 4] {
    [x + w / 2.0, y + h / 2.0, w, h]
}

/// Detectors' boxes jitter by about a twentieth of their size.
fn measurement_sigma([_, _, w, h]: [f32; 4]) -> f32 {
    (0.05 * (w * h).sqrt()).max(0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_a_steady_velocity_and_predicts_with_it() {
        let mut filter = Kalman::new(0.0, 1.0);
        for i in 1..=20 {
            filter.predict(0.1, 20.0);
            filter.update(5.0 * i as f32, 1.0);
        }
        assert!((filter.position() - 100.0).abs() < 1.0, "{filter:?}");
        filter.predict(0.2, 20.0);
        assert!((filter.position() - 110.0).abs() < 1.5, "{filter:?}");
    }

    #[test]
    fn smooths_noise_around_a_place() {
        let mut filter = Kalman::new(50.0, 2.0);
        for i in 0..60 {
            filter.predict(0.1, 5.0);
            filter.update(50.0 + if i % 2 == 0 { 2.0 } else { -2.0 }, 2.0);
        }
        assert!((filter.position() - 50.0).abs() < 1.5, "{filter:?}");
    }
}
