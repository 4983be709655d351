//! The `select!` macro.

/// Waits for one of several channel operations and runs its arm; crossbeam-channel's syntax.
///
/// ```
/// use labsim::channel::{bounded, select, unbounded};
/// use labsim::time::Duration;
///
/// let (tx, rx) = unbounded();
/// let (full, _keep) = bounded(1);
/// full.send(0).unwrap();
/// tx.send("hello").unwrap();
/// let got = select! {
///     recv(rx) -> message => message.unwrap(),
///     send(full, 1) -> result => { result.unwrap(); "sent" }
///     default(Duration::from_secs(1)) => "nothing for a second",
/// };
/// assert_eq!(got, "hello");
/// ```
///
/// If several operations are ready, a random one is chosen. A message to send is made only once its arm is chosen.
#[macro_export]
macro_rules! select {
    ($($arms:tt)*) => { $crate::__select!(@parse [] [] $($arms)*) };
}

/// Not for direct use: parses the arms of `select!` one by one, binds their channels, and dispatches.
#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    // Arms, each with a body that is a block, or an expression up to a comma or the end.
    (@parse [$($done:tt)*] [] recv($r:expr) -> $p:pat => $body:block, $($rest:tt)*) => {
        $crate::__select!(@parse [$($done)* (recv ($r) () ($p) ($body))] [] $($rest)*)
    };
    (@parse [$($done:tt)*] [] recv($r:expr) -> $p:pat => $body:block $($rest:tt)*) => {
        $crate::__select!(@parse [$($done)* (recv ($r) () ($p) ($body))] [] $($rest)*)
    };
    (@parse [$($done:tt)*] [] recv($r:expr) -> $p:pat => $body:expr, $($rest:tt)*) => {
        $crate::__select!(@parse [$($done)* (recv ($r) () ($p) ($body))] [] $($rest)*)
    };
    (@parse [$($done:tt)*] [] recv($r:expr) -> $p:pat => $body:expr) => {
        $crate::__select!(@parse [$($done)* (recv ($r) () ($p) ($body))] [])
    };
    (@parse [$($done:tt)*] [] send($s:expr, $m:expr $(,)?) -> $p:pat => $body:block, $($rest:tt)*) => {
        $crate::__select!(@parse [$($done)* (send ($s) ($m) ($p) ($body))] [] $($rest)*)
    };
    (@parse [$($done:tt)*] [] send($s:expr, $m:expr $(,)?) -> $p:pat => $body:block $($rest:tt)*) => {
        $crate::__select!(@parse [$($done)* (send ($s) ($m) ($p) ($body))] [] $($rest)*)
    };
    (@parse [$($done:tt)*] [] send($s:expr, $m:expr $(,)?) -> $p:pat => $body:expr, $($rest:tt)*) => {
        $crate::__select!(@parse [$($done)* (send ($s) ($m) ($p) ($body))] [] $($rest)*)
    };
    (@parse [$($done:tt)*] [] send($s:expr, $m:expr $(,)?) -> $p:pat => $body:expr) => {
        $crate::__select!(@parse [$($done)* (send ($s) ($m) ($p) ($body))] [])
    };
    // The default arm, last or in between; it is kept apart.
    (@parse [$($done:tt)*] [] default => $body:block, $($rest:tt)*) => {
        $crate::__select!(@rest [$($done)*] [() ($body)] $($rest)*)
    };
    (@parse [$($done:tt)*] [] default => $body:block $($rest:tt)*) => {
        $crate::__select!(@rest [$($done)*] [() ($body)] $($rest)*)
    };
    (@parse [$($done:tt)*] [] default => $body:expr $(, $($rest:tt)*)?) => {
        $crate::__select!(@rest [$($done)*] [() ($body)] $($($rest)*)?)
    };
    (@parse [$($done:tt)*] [] default() => $body:block, $($rest:tt)*) => {
        $crate::__select!(@rest [$($done)*] [() ($body)] $($rest)*)
    };
    (@parse [$($done:tt)*] [] default() => $body:block $($rest:tt)*) => {
        $crate::__select!(@rest [$($done)*] [() ($body)] $($rest)*)
    };
    (@parse [$($done:tt)*] [] default() => $body:expr $(, $($rest:tt)*)?) => {
        $crate::__select!(@rest [$($done)*] [() ($body)] $($($rest)*)?)
    };
    (@parse [$($done:tt)*] [] default($t:expr) => $body:block, $($rest:tt)*) => {
        $crate::__select!(@rest [$($done)*] [($t) ($body)] $($rest)*)
    };
    (@parse [$($done:tt)*] [] default($t:expr) => $body:block $($rest:tt)*) => {
        $crate::__select!(@rest [$($done)*] [($t) ($body)] $($rest)*)
    };
    (@parse [$($done:tt)*] [] default($t:expr) => $body:expr $(, $($rest:tt)*)?) => {
        $crate::__select!(@rest [$($done)*] [($t) ($body)] $($($rest)*)?)
    };
    (@parse [$($done:tt)*] []) => { $crate::__select!(@bind [$($done)*] [] []) };
    (@parse [$($done:tt)*] [] $($other:tt)+) => {
        compile_error!("expected `recv(channel) -> result => body`, `send(channel, message) -> result => body`, \
                        `default => body` or `default(timeout) => body`")
    };
    (@rest [$($done:tt)*] [$($default:tt)*]) => { $crate::__select!(@bind [$($done)*] [] [$($default)*]) };
    (@rest [$($done:tt)*] [$($default:tt)*] $($rest:tt)+) => {
        compile_error!("the `default` arm of `select!` must be the last, and the only one")
    };

    // Each channel expression is evaluated once, under a name that hygiene keeps apart from the others'.
    (@bind [($dir:ident ($c:expr) $m:tt $p:tt $body:tt) $($rest:tt)*] [$($bound:tt)*] $default:tt) => {
        match &$c {
            channel => {
                $crate::__select!(@bind [$($rest)*] [$($bound)* ($dir channel $m $p $body)] $default)
            }
        }
    };
    (@bind [] [$(($dir:ident $c:ident $m:tt $p:tt $body:tt))*] []) => {{
        let operation = {
            let mut select = $crate::channel::Select::new();
            $( select.$dir($c); )*
            select.select()
        };
        let index = operation.index();
        $crate::__select!(@dispatch operation index (0usize) [$(($dir $c $m $p $body))*])
    }};
    (@bind [] [$(($dir:ident $c:ident $m:tt $p:tt $body:tt))*] [() ($default:expr)]) => {{
        let chosen = {
            #[allow(unused_mut)]
            let mut select = $crate::channel::Select::new();
            $( select.$dir($c); )*
            select.try_select()
        };
        match chosen {
            Ok(operation) => {
                let index = operation.index();
                $crate::__select!(@dispatch operation index (0usize) [$(($dir $c $m $p $body))*])
            }
            Err(_) => $default,
        }
    }};
    (@bind [] [$(($dir:ident $c:ident $m:tt $p:tt $body:tt))*] [($t:expr) ($default:expr)]) => {{
        let chosen = {
            #[allow(unused_mut)]
            let mut select = $crate::channel::Select::new();
            $( select.$dir($c); )*
            select.select_timeout($t)
        };
        match chosen {
            Ok(operation) => {
                let index = operation.index();
                $crate::__select!(@dispatch operation index (0usize) [$(($dir $c $m $p $body))*])
            }
            Err(_) => $default,
        }
    }};

    (@dispatch $operation:ident $index:ident ($n:expr) [(recv $c:ident () ($p:pat) ($body:expr)) $($rest:tt)*]) => {
        if $index == $n {
            let $p = $operation.recv($c);
            $body
        } else {
            $crate::__select!(@dispatch $operation $index ($n + 1) [$($rest)*])
        }
    };
    (@dispatch $operation:ident $index:ident ($n:expr) [(send $c:ident ($m:expr) ($p:pat) ($body:expr)) $($rest:tt)*]) => {
        if $index == $n {
            let $p = $operation.send($c, $m);
            $body
        } else {
            $crate::__select!(@dispatch $operation $index ($n + 1) [$($rest)*])
        }
    };
    (@dispatch $operation:ident $index:ident ($n:expr) []) => {{
        let _ = $operation;
        ::core::unreachable!("select! chose an operation that it does not have")
    }};
}
