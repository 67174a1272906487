// Sends the page on by itself: what it carries is for the app, and there is nothing to decide.
document.getElementById('hand-over').submit();
