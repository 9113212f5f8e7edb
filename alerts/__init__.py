"""Alerts: which findings people hear of, how severe each one is, and how the message reaches them.

Two loops drive the work. From loop to loop the steps below go forward only: no step calls an earlier one.

Judging (one transaction per finding)
1. service: the loop. It claims a row that waits to be judged and calls steps 2 to 6 in this order.
2. finding: reads the rows of one finding and holds its facts and the content that a message shows.
3. severity: adds up the weights of the signals that the table in `rules` finds in the facts.
4. dedupe: decides whether the finding's alert gets a new revision, and of which kind.
5. finding_text: writes the summary and the next steps.
6. outbox: writes the alert, its revision and one delivery per channel, and announces the deliveries.

`source_health` takes the place of steps 2 to 5 for a source in trouble.

Delivering (one attempt per call)
7. sender: the loop. It claims a delivery and calls steps 8 to 11 in this order.
8. message: builds the message from the rows of the alert and the revision.
9. transports: sends it. `transports.email` composes the e-mail (`transports.email_message`, then `render`);
   `transports.webhook` signs the body that `event` defines.
10. retry: decides when the next attempt is due, if this one failed and another can help.
11. channel_health: writes what is to be said if the channel died or came back. That is another alert: the
    loop hands it to `outbox`.

Used at many steps: settings, errors, metrics, clean (makes crawled text harmless), wording (numbers and times
as people read them).
"""
