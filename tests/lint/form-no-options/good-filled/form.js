fill("#batch_connect_session_context_js");
