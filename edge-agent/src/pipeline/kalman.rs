//! A constant-velocity Kalman filter for one coordinate.

/// Position and velocity with their covariance; units of the coordinate, and per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kalman {
    position: f32,
    velocity: f32,
    /// Variance of the position, covariance, variance of the velocity.
    covariance: [f32; 3],
}

impl Kalman {
    /// Starts at a measured position; `sigma` is the measurement's standard deviation.
    pub(super) fn new(position: f32, sigma: f32) -> Self {
        // A velocity of ten sigmas a second is nothing unusual: a face that walks by.
        Self {
            position,
            velocity: 0.0,
            covariance: [sigma * sigma, 0.0, (10.0 * sigma).powi(2)],
        }
    }

    /// Where it is now.
    pub(super) fn position(&self) -> f32 {
        self.position
    }

    /// Lets `dt` seconds pass. `acceleration` is the standard deviation of what may have happened meanwhile.
    pub(super) fn predict(&mut self, dt: f32, acceleration: f32) {
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
    pub(super) fn update(&mut self, measured: f32, sigma: f32) {
        let [p, c, v] = self.covariance;
        let (gain_p, gain_v) = (p / (p + sigma * sigma), c / (p + sigma * sigma));
        let innovation = measured - self.position;
        self.position += gain_p * innovation;
        self.velocity += gain_v * innovation;
        self.covariance = [(1.0 - gain_p) * p, (1.0 - gain_p) * c, v - gain_v * c];
    }

    /// Forgets most of the velocity: for a track that nobody confirms, which has likely stopped or turned.
    pub(super) fn damp(&mut self, factor: f32) {
        self.velocity *= factor;
    }
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
