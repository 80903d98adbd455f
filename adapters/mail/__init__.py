"""Ways out for mails: a server by SMTP, or a folder where developers read them."""
