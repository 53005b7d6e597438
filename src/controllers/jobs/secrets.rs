//! The Secret that a Job's Pods get the program by: it is there as long as the Job is, and no longer.

use k8s_openapi::api::core::v1::Secret as SecretObject;

use super::failure::JobError;
use super::{ATTEMPTS, Errand, Inner, is_ours, is_same_work, requests};
use crate::controllers::api::ApiError;
use crate::controllers::cache::key_of;
use crate::manifest::Key;

fn key(errand: &Errand) -> Key {
    key_of(&errand.shaped.secret.metadata)
}

impl Inner {
    /// Finds the Secret of a Job that is there, or makes it: without it, the Job's next Pod never begins. Gives its UID.
    pub(super) async fn have_secret(&self, errand: &Errand) -> Result<String, JobError> {
        let found = self.api.confirm::<SecretObject>(&key(errand)).await?;
        let meta = found.map(|found| found.metadata).filter(|meta| {
            let stays = meta.deletion_timestamp.is_none();
            stays && is_ours(meta, errand) && is_same_work(meta, errand)
        });
        match meta {
            Some(meta) => Ok(meta.uid.unwrap_or_default()),
            None => self.put_secret(errand).await,
        }
    }

    /// Makes the Secret; one of a former Job goes. Gives its UID.
    pub(super) async fn put_secret(&self, errand: &Errand) -> Result<String, JobError> {
        let (secret, key) = (&errand.shaped.secret, key(errand));
        for _ in 0..ATTEMPTS {
            match requests::create_secret(&self.api, secret, &key).await {
                Ok(uid) => return Ok(uid),
                Err(ApiError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
            let Some(found) = self.api.confirm::<SecretObject>(&key).await? else {
                continue;
            };
            if !is_ours(&found.metadata, errand) {
                return Err(JobError::NameTaken {
                    kind: "Secret",
                    name: key,
                });
            }
            let uid = found.metadata.uid.unwrap_or_default();
            requests::delete::<SecretObject>(&self.api, &key, &uid).await?;
        }
        Err(ApiError::Conflict(format!("Secret {key}")).into())
    }

    /// Deletes the Secret, if it is this one still.
    pub(super) async fn drop_secret(&self, errand: &Errand, uid: &str) {
        if let Err(error) = requests::delete::<SecretObject>(&self.api, &key(errand), uid).await {
            tracing::warn!(%error, "a Job's Secret stays until its RemoteMachine goes");
        }
    }
}
