//! Certificates, keys and stores as operators have them: what is loaded, and in which words the rest is refused.

mod damage;
mod encrypted;
mod loading;
mod pkcs12;
mod refusals;
mod support;
