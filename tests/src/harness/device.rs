//! A device that says what a test wants: it speaks MQTT with its own credentials, and has no camera.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use hadir_shared::id::{AreaId, CameraId, EmployeeId};
use hadir_shared::sighting::{Basis, Method, Phase, Sighting, SightingBatch};
use hadir_shared::status::{AgentStatus, CameraMode, CameraState, CameraStatus, Inference};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use uuid::Uuid;

use super::system::System;
use super::{Error, eventually};

/// A connected device; it goes when it is dropped.
pub struct Device {
    client: AsyncClient,
    connection: tokio::task::JoinHandle<()>,
    topic: String,
    seq: u64,
}

impl Drop for Device {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Device {
    /// Adds a device with one streaming camera to the site and connects it.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn connect(system: &System, agent: &str, camera: &str, area: &str) -> Result<Self, Error> {
        Self::connect_with(system, agent, &[(1, camera.to_owned(), area.to_owned())]).await
    }

    /// The same with several cameras: number, id and area of each.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn connect_with(
        system: &System,
        agent: &str,
        cameras: &[(u32, String, String)],
    ) -> Result<Self, Error> {
        let other = |e: &dyn std::fmt::Display| Error::Other(e.to_string());
        system.site.add_device(agent, &[])?;
        let site = system.plan.site_id;
        let mut options = MqttOptions::new(format!("{site}.{agent}"), "127.0.0.1", system.plan.ports[2]);
        options.set_credentials(
            format!("{site}.{agent}"),
            system.site.credential(agent, "mqtt_password")?,
        );
        options.set_clean_session(false);
        let status_of = |(number, camera, area): &(u32, String, String)| {
            Ok(CameraStatus {
                id: CameraId::new(camera.as_str()).map_err(|e| other(&e))?,
                number: Some(*number),
                label: area.clone(),
                area: AreaId::new(area.as_str()).map_err(|e| other(&e))?,
                mode: CameraMode::Recognise,
                state: CameraState::Streaming,
                inference: Inference::Active,
                fps: 7.0,
                last_frame: None,
                people: None,
                cause: None,
                problem: None,
                counts: Default::default(),
                placement: None,
            })
        };
        let status = AgentStatus {
            online: true,
            cameras: cameras.iter().map(status_of).collect::<Result<_, Error>>()?,
            ..AgentStatus::default()
        };
        let status = serde_json::to_vec(&status).map_err(|e| other(&e))?;
        let (client, mut events) = AsyncClient::new(options, 100);
        let topic = format!("hadir/v1/{site}/{agent}");
        let (teller, of) = (client.clone(), format!("{topic}/status"));
        // It connects again whenever the aggregator was away, and says how it is, as an agent does.
        let connection = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        // Its own queue is not full.
                        let _ = teller.try_publish(&of, QoS::AtLeastOnce, true, status.clone());
                    }
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
                }
            }
        });
        let device = Self {
            client,
            connection,
            topic,
            seq: 0,
        };
        // Sightings before the first status would not be taken in.
        eventually(
            "the device's camera is known",
            Duration::from_secs(30),
            async || {
                let known = system.api.get("/api/cameras").await.map_err(|e| e.to_string())?;
                let streams = |id: &str| {
                    let all = known.as_array().into_iter().flatten();
                    all.into_iter()
                        .any(|one| one["id"] == id && one["state"] == "streaming")
                };
                if cameras.iter().all(|(_, id, _)| streams(id)) {
                    Ok(())
                } else {
                    Err(known.to_string())
                }
            },
        )
        .await?;
        Ok(device)
    }

    /// These people are in front of a camera now.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn sees(&mut self, camera: &str, people: &[impl AsRef<str>]) -> Result<(), Error> {
        let other = |e: &dyn std::fmt::Display| Error::Other(e.to_string());
        let mut sightings = Vec::new();
        for who in people {
            self.seq += 1;
            let at = Utc::now() - TimeDelta::milliseconds(50);
            sightings.push(Sighting {
                id: Uuid::now_v7(),
                seq: self.seq,
                phase: Phase::Continued,
                employee: EmployeeId::new(who.as_ref()).map_err(|e| other(&e))?,
                camera: CameraId::new(camera).map_err(|e| other(&e))?,
                method: Method::Face,
                track: 1,
                first_at: at,
                last_at: at,
                basis: Basis::Face,
                verified_at: None,
                confidence: 0.9,
                model: "test".to_owned(),
            });
        }
        let body = serde_json::to_vec(&SightingBatch { sightings }).map_err(|e| other(&e))?;
        let topic = format!("{}/sightings", self.topic);
        let sent = self.client.publish(topic, QoS::AtLeastOnce, false, body).await;
        sent.map_err(|e| other(&e))
    }
}
