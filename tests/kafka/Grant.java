import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** {@code Grant BOOTSTRAP PRINCIPAL TOPIC OPERATION...} allows the operations on the topic. */
public class Grant {
  public static void main(String[] args) throws Exception {
    var topic = new ResourcePattern(ResourceType.TOPIC, args[2], PatternType.LITERAL);
    List<AclBinding> bindings = new ArrayList<>();
    for (int i = 3; i < args.length; i++) {
      var operation = AclOperation.fromString(args[i]);
      bindings.add(
          new AclBinding(
              topic, new AccessControlEntry(args[1], "*", operation, AclPermissionType.ALLOW)));
    }
    try (var admin = Admin.create(Map.of("bootstrap.servers", (Object) args[0]))) {
      admin.createAcls(bindings).all().get();
    }
  }
}
