//! Servers, and the threads on which their blocking handlers run.

use std::sync::atomic::{AtomicUsize, Ordering};

use labsim::Domain;
use labsim::channel::{Receiver, Sender, unbounded};
use labsim::sync::Arc;
use labsim::thread;
use labsim::time::Duration;

use crate::core::Core;
use crate::error::RpcError;
use crate::postman::Deed;
use crate::service::{MethodRef, Request, Service, find};
use crate::waiter::contained;

/// What one incarnation of a peer offers: a bag of services, to be put on a network under a name.
#[derive(Debug)]
pub struct Server {
    pub(crate) services: Vec<Service>,
    pub(crate) domain: Option<Domain>,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// A server without services, in the calling thread's fault domain: its handlers' threads belong to it.
    pub fn new() -> Server {
        Server {
            services: Vec::new(),
            domain: Domain::current(),
        }
    }

    /// A server without services, in this fault domain.
    pub fn in_domain(domain: &Domain) -> Server {
        Server {
            services: Vec::new(),
            domain: Some(domain.clone()),
        }
    }

    /// The server with one service more.
    ///
    /// # Panics
    /// If it has a service of that name already.
    #[must_use]
    pub fn with(mut self, service: Service) -> Server {
        let name = service.name();
        if self.services.iter().any(|s| s.name() == name) {
            panic!("the server has a service {name:?} already: add each service once");
        }
        self.services.push(service);
        self
    }
}

/// Which server it is. A server added later under the same name has another epoch.
#[derive(Debug)]
pub(crate) struct ServerInfo {
    pub id: u32,
    pub epoch: u64,
    pub name: Arc<str>,
    pub domain: Option<Domain>,
}

impl ServerInfo {
    pub fn is_alive(&self) -> bool {
        self.domain.as_ref().is_none_or(Domain::is_alive)
    }
}

/// A server on a network. Only the network holds on to it, so its idle workers end when it is deleted.
pub(crate) struct ServerCore {
    pub info: Arc<ServerInfo>,
    services: Vec<Service>,
    jobs: Sender<Job>,
    inbox: Receiver<Job>,
    /// Workers that wait for a job that nobody has put into `jobs` yet.
    idle: Arc<AtomicUsize>,
}

/// A request with the code that answers it.
pub(crate) struct Job {
    run: Arc<dyn Fn(usize, Request) + Send + Sync>,
    method: usize,
    request: Request,
}

impl Job {
    pub fn run(self) {
        (self.run)(self.method, self.request);
    }

    /// It will not be done: the network has ended.
    pub fn write_off(mut self) {
        self.request.ticket.spent = true;
    }
}

impl ServerCore {
    pub fn new(info: ServerInfo, services: Vec<Service>) -> ServerCore {
        let (jobs, inbox) = unbounded();
        ServerCore {
            info: Arc::new(info),
            services,
            jobs,
            inbox,
            idle: Arc::default(),
        }
    }

    /// What answers this method.
    pub fn find(&self, method: &MethodRef) -> Result<Answerer, RpcError> {
        let (run, blocking, method) = find(&self.services, &self.info.name, method)?;
        Ok(Answerer {
            run,
            blocking,
            method,
        })
    }

    /// Has the request answered, by a worker if that may block. `core` is the network.
    pub fn accept(&self, answerer: Answerer, request: Request, core: &Arc<Core>) {
        let Answerer {
            run,
            blocking,
            method,
        } = answerer;
        let job = Job {
            run,
            method,
            request,
        };
        if !blocking {
            return match &self.info.domain {
                // A thread of a peer is not to answer for what belongs to none: a crash of the peer would tear it.
                None if Domain::current().is_some() => core.post(Duration::ZERO, Deed::Answer(job)),
                domain => contained(domain.as_ref(), || job.run()),
            };
        }
        let take_one = |n: usize| n.checked_sub(1);
        if self
            .idle
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take_one)
            .is_ok()
        {
            // The idle worker that was counted takes this job, or one that came before it.
            let _ = self.jobs.send(job);
            if !self.info.is_alive() {
                abandon_jobs(&self.inbox);
            }
        } else {
            self.hire(job, core);
        }
    }

    /// A new worker, with its first job.
    fn hire(&self, job: Job, core: &Arc<Core>) {
        let worker = Worker {
            name: format!("rpc worker of {}", self.info.name),
            first: job,
            queue: Queue {
                inbox: self.inbox.clone(),
                domain: self.info.domain.clone(),
            },
            idle: self.idle.clone(),
        };
        match &self.info.domain {
            Some(domain) => worker.start_in(domain),
            None if Domain::current().is_none() => worker.start(),
            // A thread inherits its parent's domain, and this parent has one: let the postman spawn it.
            None => core.post(Duration::ZERO, Deed::Hire(worker)),
        }
    }
}

/// How a method is answered.
pub(crate) struct Answerer {
    run: Arc<dyn Fn(usize, Request) + Send + Sync>,
    blocking: bool,
    method: usize,
}

/// A thread that answers one request after another, until its server is deleted or its domain crashes.
pub(crate) struct Worker {
    name: String,
    first: Job,
    queue: Queue,
    idle: Arc<AtomicUsize>,
}

/// A worker's side of its server's queue.
struct Queue {
    inbox: Receiver<Job>,
    domain: Option<Domain>,
}

impl Drop for Queue {
    fn drop(&mut self) {
        if self.domain.as_ref().is_some_and(|d| !d.is_alive()) {
            abandon_jobs(&self.inbox);
        }
    }
}

/// The workers have crashed, and nobody will do what is queued: their callers are to find out, also if nobody deletes the
/// server. Every worker does this as it ends, and who queues a job does it if they may all have ended before.
fn abandon_jobs(inbox: &Receiver<Job>) {
    while let Ok(job) = inbox.try_recv() {
        drop(job);
    }
}

impl Worker {
    fn start_in(self, domain: &Domain) {
        if domain.is_alive() {
            let name = self.name.clone();
            drop(domain.spawn(&name, || self.work()));
        }
    }

    pub fn start(self) {
        let builder = thread::Builder::new().name(self.name.clone());
        drop(
            builder
                .spawn(|| self.work())
                .expect("a thread for an RPC handler"),
        );
    }

    /// It will not start: the network has ended.
    pub fn write_off(self) {
        self.first.write_off();
    }

    fn work(self) {
        let mut job = self.first;
        loop {
            job.run();
            self.idle.fetch_add(1, Ordering::AcqRel);
            match self.queue.inbox.recv() {
                Ok(next) => job = next,
                Err(_) => return,
            }
        }
    }
}
