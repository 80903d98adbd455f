"""Single sign-on by OpenID providers: what is asked of them over HTTP, and how their answers are checked."""
