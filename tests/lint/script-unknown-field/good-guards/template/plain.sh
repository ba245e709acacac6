<%= context.never_read %>
