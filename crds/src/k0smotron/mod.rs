//! `k0smotron.io`: control planes that run as pods, and the tokens to join them.

pub mod certificates;
pub mod cluster;
pub mod etcd;
pub mod ingress;
pub mod join_token_request;
pub mod kubeconfig;
pub mod monitoring;
pub mod mounts;
pub mod patches;
pub mod persistence;
pub mod service;
pub mod storage;
